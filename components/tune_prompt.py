"""The Kubeflow component of the step tune-prompt."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def tune_prompt(
    config: dict,
    code_revision: str,
    dataset: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    teacher: dsl.Input[dsl.Model],
    prompt: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
):
    """Tune the teacher's second forward path against a probe student."""
    from dfpt import runtime

    inputs = {"dataset": dataset.path, "validation": validation.path, "teacher": teacher.path}
    figures = runtime.component("tune-prompt", config, inputs, {"prompt": prompt.path}, metrics.path)
    for name, value in figures.items():
        metrics.log_metric(name, value)
