"""The Kubeflow component of the step train-teacher."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_teacher(
    config: dict,
    code_revision: str,
    dataset: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    teacher: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
):
    """Train the large network."""
    from dfpt import runtime

    inputs = {"dataset": dataset.path, "validation": validation.path}
    figures = runtime.component("train-teacher", config, inputs, {"teacher": teacher.path}, metrics.path)
    for name, value in figures.items():
        metrics.log_metric(name, value)
