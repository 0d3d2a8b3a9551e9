"""Where a promoted version's files are served from.

MLflow's own database takes any folder, and production's stays where it was copied to. A server takes only what lies
in the artifacts of a run: there every promotion has a run of its own, in an experiment of the production side, which
trainers have no right to write to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dfpt.registry import artifacts
from dfpt.registry.champion import production_name
from dfpt.registry.database import Request
from dfpt.registry.handle import Registry

if TYPE_CHECKING:
    from mlflow.entities import Run

REQUEST_TAG = "dfpt.request"
_MODEL = "model"


@dataclass(frozen=True)
class Place:
    """Where the files are, and the run that the version belongs to."""

    source: str
    run_id: str | None


def publish(registry: Registry, request: Request, folder: Path, candidate_run: str | None) -> Place:
    """Bring production's files to where MLflow hands them out; what was cut off is done again.

    Args:
        folder: the verified copy.

    Raises:
        BytesChanged: what arrived is not what was sent.
    """
    if not registry.uri.startswith("http"):
        return Place(folder.as_uri(), candidate_run)
    run = _run(registry, request)
    registry.client.log_artifacts(run.info.run_id, str(folder), _MODEL)
    source = f"{run.info.artifact_uri}/{_MODEL}"
    with artifacts.scratch() as scratch:
        arrived = artifacts.fetch(source, registry.uri, scratch)
        artifacts.check(request.model, arrived, request.artifact_sha256, request.weights_sha256)
    return Place(source, run.info.run_id)


def _run(registry: Registry, request: Request) -> Run:
    name, client = production_name(request.name), registry.client
    known = client.get_experiment_by_name(name)
    experiment = client.create_experiment(name) if known is None else known.experiment_id
    tag = {REQUEST_TAG: str(request.id)}
    found = client.search_runs([experiment], f"tags.`{REQUEST_TAG}` = '{request.id}'", max_results=1)
    return found[0] if found else client.create_run(experiment, tags=tag, run_name=request.model)
