"""What follows an approval: a candidate's bytes become production's own, and its version the champion.

Each part finds out whether it has been done already, so all of it can be cut off anywhere and given again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dfpt import files
from dfpt.registry import agreement, aliases, artifacts, audit, publication, requests, reservation
from dfpt.registry.actor import Actor
from dfpt.registry.champion import production_name
from dfpt.registry.database import Request, State
from dfpt.registry.errors import BytesChanged
from dfpt.registry.handle import STATUS, Registry
from dfpt.registry.publication import REQUEST_TAG

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

FOLDER = "production"


def finish(registry: Registry, request: Request, actor: Actor) -> Request:
    """Everything after the decision; what has been done already stays.

    Raises:
        BytesChanged: the candidate's files are not those that the request was filed for.
        LogDamaged: the log is broken, or knows no such approval.
        ForeignModel: the production side is somebody else's.
    """
    audit.require_unbroken(registry.store)
    agreement.require(registry.engine, request)
    reservation.reserve(registry, request.name)  # in another's model a version could be waiting under this request
    folder = _copy(registry, request)
    version = _register(registry, request, folder)
    previous = _point(registry, request, version)
    promoted, superseded = _record(registry, request, version, previous, actor)
    registry.mirror(promoted, *superseded)
    return promoted


def check(registry: Registry, request: Request) -> None:
    """Whether :func:`finish` could be done now; raises as it does."""
    audit.require_unbroken(registry.store)
    agreement.require(registry.engine, request)
    reservation.require(registry, request.name)
    if not _is_copied(registry, request):
        with candidate_files(registry, request) as folder:
            artifacts.check(request.model, folder, request.artifact_sha256, request.weights_sha256)


def begun(registry: Registry, request: Request) -> bool:
    """Whether production has the request's version already."""
    return _production_version(registry, request) is not None


@contextmanager
def candidate_files(registry: Registry, request: Request) -> Iterator[Path]:
    """The folder of the candidate that a request is about; a copy, where it has to be brought here, for as long."""
    version = _candidate(registry, request)
    with artifacts.scratch() as scratch:
        if (folder := artifacts.find(version, registry.uri, scratch)) is None:
            raise BytesChanged(request.model, Path(str(version.source)), request.artifact_sha256, "none")
        yield folder


def _candidate(registry: Registry, request: Request) -> ModelVersion:
    """Raises BytesChanged where its trainer has deleted it from MLflow, who owns it."""
    from mlflow import MlflowException

    try:
        return registry.client.get_model_version(request.name, str(request.version))
    except MlflowException as error:
        if error.error_code not in artifacts.GONE:
            raise
        raise BytesChanged(request.model, Path("MLflow"), request.artifact_sha256, "none") from error


def _copy(registry: Registry, request: Request) -> Path:
    """Copy the bytes into a folder named after their sum, and verify the copy: it is what will be served."""
    target = _target(registry, request)
    if not _is_copied(registry, request):
        with files.replacing(target) as partial, candidate_files(registry, request) as folder:
            shutil.copytree(folder, partial)
            artifacts.check(request.model, partial, request.artifact_sha256, request.weights_sha256)
    return target


def _is_copied(registry: Registry, request: Request) -> bool:
    target = _target(registry, request)
    return target.exists() and files.sha256(target) == request.artifact_sha256


def _target(registry: Registry, request: Request) -> Path:
    return registry.home / FOLDER / request.name / request.artifact_sha256


def _register(registry: Registry, request: Request, folder: Path) -> int:
    """The version on the production side; found by its request if it is there."""
    if (known := _production_version(registry, request)) is not None:
        return known
    name = production_name(request.name)
    candidate = _candidate(registry, request)
    tags = {key: value for key, value in candidate.tags.items() if key.startswith("dfpt.") and key != STATUS} | {
        artifacts.WEIGHTS_TAG: request.weights_sha256,
        artifacts.ARTIFACT_TAG: request.artifact_sha256,
        REQUEST_TAG: str(request.id),
        "dfpt.candidate": request.model,
        "dfpt.approved_by": str(request.decided_by),
        "dfpt.reason": str(request.decision_reason),
        "dfpt.self_approved": str(request.self_approved).lower(),
        "dfpt.emergency": str(request.emergency).lower(),
        "dfpt.automatic": str(request.automatic).lower(),
    }
    place = publication.publish(registry, request, folder, candidate.run_id)
    created = registry.client.create_model_version(
        name, place.source, place.run_id, tags=tags, description=candidate.description
    )
    return int(created.version)


def _point(registry: Registry, request: Request, version: int) -> int | None:
    return aliases.make_champion(registry.client, request.name, version)


def _record(
    registry: Registry, request: Request, version: int, previous: int | None, actor: Actor
) -> tuple[Request, list[Request]]:
    """The last move, with what the aliases now say; the older requests are superseded with it."""
    details = {"production_version": version, "previous_version": previous}
    reason = f"promoted to {production_name(request.name)}/{version}"
    with registry.store.writing() as log:
        promoted = requests.move(
            log, request, State.APPROVED, State.PROMOTED, actor, reason, details, production_version=version
        )
        return promoted, requests.supersede_older(log, promoted, actor)


def _production_version(registry: Registry, request: Request) -> int | None:
    query = f"name = '{production_name(request.name)}' and tags.`{REQUEST_TAG}` = '{request.id}'"
    return next((int(version.version) for version in registry.client.search_model_versions(query)), None)
