"""The Kubeflow component of the step prepare."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def prepare(
    config: dict,
    data_hash: str,
    code_revision: str,
    cache_period: str,
    dataset: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
):
    """Read the source's images into one array and a manifest.

    ``data_hash`` and ``cache_period`` are part of the cache's key alone. All that follows is made anew where this is,
    because its inputs then lie elsewhere.
    """
    from dfpt import runtime

    figures = runtime.component("prepare", config, {}, {"dataset": dataset.path}, metrics.path)
    for name, value in figures.items():
        metrics.log_metric(name, value)
