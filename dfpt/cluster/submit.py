"""Start a run of the pipeline in the cluster: which parameters, under which name, and once."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dfpt.cluster import cache, versions
from dfpt.cluster.errors import Unreachable
from dfpt.config import Config, for_step
from dfpt.errors import UsageError
from dfpt.graph import STEPS

if TYPE_CHECKING:
    import kfp_server_api as api

    from dfpt.cluster.kfp import Pipelines
    from dfpt.cluster.versions import Package, Version


def parameters(config: Config, package: Package, data_hash: str, code_revision: str) -> dict[str, Any]:
    """What the pipeline takes: each step's configuration, resolved here, and what the data and the code are.

    Args:
        data_hash: part of the cache's key: another one makes prepare read the source again.

    Raises:
        UsageError: the compiled pipeline takes something else, so it is of another release.
    """
    given: dict[str, Any] = {
        step.module: for_step(config, step.name).model_dump(mode="json", exclude_none=True) for step in STEPS.values()
    }
    given |= {
        "data_hash": data_hash,
        "code_revision": code_revision,
        "cache_period": cache.period(config.cluster.cache_days, time.time()),
    }
    declared = package.documents[0]["root"].get("inputDefinitions", {}).get("parameters", {})
    missing = sorted(name for name, what in declared.items() if name not in given and not what.get("isOptional"))
    unknown = sorted(set(given) - set(declared))
    if missing or unknown:
        raise UsageError(
            f"The compiled pipeline does not take this release's parameters: {', '.join(missing + unknown)}.",
            "Compile it with this release: dfpt pipeline compile.",
        )
    return given


def body(config: Config, name: str, experiment_id: str, version: Version, values: Mapping[str, Any]) -> api.V2beta1Run:
    """The run as it is asked for."""
    import kfp_server_api as api

    return api.V2beta1Run(
        display_name=name,
        description=f"dfpt {config.data.source}, {version.name}",
        experiment_id=experiment_id,
        pipeline_version_reference=api.V2beta1PipelineVersionReference(
            pipeline_id=version.pipeline_id, pipeline_version_id=version.version_id
        ),
        runtime_config=api.V2beta1RuntimeConfig(parameters=dict(values)),
        service_account=config.cluster.service_account,
    )


def run_name(stem: str) -> str:
    """A name that no other run has, so that a run whose answer was lost can be found by it."""
    return f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


def start(pipelines: Pipelines, run: api.V2beta1Run) -> api.V2beta1Run:
    """Start it, once: when the answer was lost, the run of that name is looked for and taken.

    Raises:
        Unreachable: no answer, and no such run either: nothing was started.
    """
    try:
        return pipelines.create_run(run)
    except Unreachable:
        for found in pipelines.runs(run.experiment_id, run.display_name):
            return found
        raise


def submit(
    pipelines: Pipelines, config: Config, package: Package, values: Mapping[str, Any], name: str | None = None
) -> api.V2beta1Run:
    """Upload the pipeline if the cluster has not this content, and start a run of it.

    Args:
        name: the run's own, where it may have been started before: a run of that name is taken then.
    """
    version = versions.ensure(pipelines, package, f"dfpt, code {values['code_revision'][:12]}")
    experiment_id = versions.experiment(pipelines, config.cluster.experiment)
    if name is not None:
        for found in pipelines.runs(experiment_id, name):
            return found
    name = name or run_name(config.registration.name)
    return start(pipelines, body(config, name, experiment_id, version, values))
