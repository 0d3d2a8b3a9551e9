"""The Kubeflow component of the step train-baseline."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_baseline(
    config: dict,
    code_revision: str,
    dataset: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    baseline: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
):
    """Train the student's network alone, to know what distillation gains."""
    from dfpt import runtime

    inputs = {"dataset": dataset.path, "validation": validation.path}
    figures = runtime.component("train-baseline", config, inputs, {"baseline": baseline.path}, metrics.path)
    for name, value in figures.items():
        metrics.log_metric(name, value)
