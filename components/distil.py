"""The Kubeflow component of the step distil."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def distil(
    config: dict,
    code_revision: str,
    dataset: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    teacher: dsl.Input[dsl.Model],
    prompt: dsl.Input[dsl.Model],
    student: dsl.Output[dsl.Model],
    path: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
):
    """Train the student on both forward paths of the teacher."""
    from dfpt import runtime

    inputs = {"dataset": dataset.path, "validation": validation.path, "teacher": teacher.path, "prompt": prompt.path}
    outputs = {"student": student.path, "path": path.path}
    figures = runtime.component("distil", config, inputs, outputs, metrics.path)
    for name, value in figures.items():
        metrics.log_metric(name, value)
