"""Promotion: a candidate's bytes become production's own.

Each part finds out whether it has been done already. An approval that was cut off anywhere is finished by giving it
again, or by the next approval of the same model.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from dfpt import files
from dfpt.errors import UsageError
from dfpt.registry import artifacts, requests
from dfpt.registry.actor import Actor
from dfpt.registry.champion import CHAMPION, PREVIOUS, current, production_name
from dfpt.registry.database import Request, State
from dfpt.registry.errors import BytesChanged, NotFound, WrongState
from dfpt.registry.handle import STATUS, Registry

FOLDER = "production"
REQUEST_TAG = "dfpt.request"


def approve(registry: Registry, name: str, version: int, actor: Actor, reason: str) -> Request:
    """Approve the request of a candidate and make it the champion. What is promoted already stays as it is.

    Raises:
        UsageError: no reason, no such request, or one that was rejected, superseded, ...
        BytesChanged: the candidate's files are not those that the request was filed for.
    """
    require_reason(reason)
    with registry.lock():
        for unfinished in requests.of_model(registry.engine, name, State.APPROVED):
            _finish(registry, unfinished, actor)  # who was approved first must not become champion last
        request = find(registry, name, version)
        if request.state == State.PROMOTED:
            return request
        try:
            check(registry, request)
        except BytesChanged as error:
            requests.note(registry.engine, request, actor, f"approval refused: {error.message}")
            raise
        approved = requests.transition(
            registry.engine,
            request,
            State.PENDING,
            State.APPROVED,
            actor,
            reason,
            decided_by=actor.name,
            decided_at=datetime.now(UTC),
            decision_reason=reason,
            self_approved=request.requested_by in (actor.name, actor.account),
        )
        return _finish(registry, approved, actor)


def find(registry: Registry, name: str, version: int) -> Request:
    """The newest request for a version.

    Raises:
        NotFound: nobody asked for it.
    """
    request = requests.latest(registry.engine, name, version)
    if request is None:
        raise NotFound(f"There is no request for {name}/{version}.", "dfpt model list shows the candidates.")
    return request


def check(registry: Registry, request: Request) -> None:
    """Whether a request can be approved now.

    Raises:
        WrongState: it is not pending.
        BytesChanged: the candidate's files are not those that it was filed for.
    """
    if request.state != State.PENDING:
        remedy = "Run the pipeline again to ask for it again." if State(request.state) in requests.UNDECIDED else ""
        raise WrongState(request.model, request.state, "approved", remedy)
    artifacts.check(request.model, _candidate(registry, request), request.artifact_sha256, request.weights_sha256)


def begun(registry: Registry, request: Request) -> bool:
    """Whether production has the request's version already."""
    return _production_version(registry, request) is not None


def require_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("A decision needs a reason.", "Say --reason 'what you looked at'.")


def _finish(registry: Registry, request: Request, actor: Actor) -> Request:
    """Everything after the decision."""
    folder = _copy(registry, request)
    version = _register(registry, request, folder)
    _point(registry, request, version)
    reason = f"promoted to {production_name(request.name)}/{version}"
    promoted = requests.transition(
        registry.engine, request, State.APPROVED, State.PROMOTED, actor, reason, production_version=version
    )
    registry.mirror(promoted)
    return promoted


def _copy(registry: Registry, request: Request) -> Path:
    """Copy the bytes into a folder named after their sum, and verify the copy: it is what will be served."""
    target = registry.home / FOLDER / request.name / request.artifact_sha256
    if not target.exists() or files.sha256(target) != request.artifact_sha256:
        with files.replacing(target) as partial:
            shutil.copytree(_candidate(registry, request), partial)
            artifacts.check(request.model, partial, request.artifact_sha256, request.weights_sha256)
    return target


def _register(registry: Registry, request: Request, folder: Path) -> int:
    """The version on the production side; found by its request if it is there."""
    if (known := _production_version(registry, request)) is not None:
        return known
    name = production_name(request.name)
    candidate = registry.client.get_model_version(request.name, str(request.version))
    registry.ensure_model(name, f"{request.name} in production: what persons approved, in files of its own.")
    tags = {key: value for key, value in candidate.tags.items() if key.startswith("dfpt.") and key != STATUS} | {
        artifacts.WEIGHTS_TAG: request.weights_sha256,
        artifacts.ARTIFACT_TAG: request.artifact_sha256,
        REQUEST_TAG: str(request.id),
        "dfpt.candidate": request.model,
        "dfpt.approved_by": str(request.decided_by),
        "dfpt.reason": str(request.decision_reason),
        "dfpt.self_approved": str(request.self_approved).lower(),
    }
    created = registry.client.create_model_version(
        name, folder.as_uri(), candidate.run_id, tags=tags, description=candidate.description
    )
    return int(created.version)


def _point(registry: Registry, request: Request, version: int) -> None:
    """Move ``champion`` here; ``previous`` first, or a cut between the two would lose the way back."""
    champion = current(registry.client, request.name)
    if champion is not None and int(champion.version) == version:
        return
    if champion is not None:
        registry.client.set_registered_model_alias(champion.name, PREVIOUS, str(champion.version))
    registry.client.set_registered_model_alias(production_name(request.name), CHAMPION, str(version))


def _production_version(registry: Registry, request: Request) -> int | None:
    query = f"name = '{production_name(request.name)}' and tags.`{REQUEST_TAG}` = '{request.id}'"
    return next((int(version.version) for version in registry.client.search_model_versions(query)), None)


def _candidate(registry: Registry, request: Request) -> Path:
    version = registry.client.get_model_version(request.name, str(request.version))
    return artifacts.local(version, registry.uri)
