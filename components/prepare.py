"""The Kubeflow component of the step prepare."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def prepare(
    config: dict,
    data_hash: str,
    code_revision: str,
    dataset: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
):
    """Read the source's images into one array and a manifest. ``data_hash`` is part of the cache's key."""
    from dfpt import runtime

    figures = runtime.component("prepare", config, {}, {"dataset": dataset.path}, metrics.path)
    for name, value in figures.items():
        metrics.log_metric(name, value)
