"""The Kubeflow component of the step validate."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def validate(
    config: dict,
    code_revision: str,
    dataset: dsl.Input[dsl.Dataset],
    validation: dsl.Output[dsl.Dataset],
    page: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
):
    """Check the manifest against the expectation suite."""
    from dfpt import runtime

    inputs, outputs = {"dataset": dataset.path}, {"validation": validation.path}
    told = (f"{validation.path}/validation.html", page.path)
    figures = runtime.component("validate", config, inputs, outputs, metrics.path, told)
    for name, value in figures.items():
        metrics.log_metric(name, value)
