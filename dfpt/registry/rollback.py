"""Rollback: an earlier version becomes the champion again, its bytes verified.

First the decision is written down, then the aliases move, then that is written down. A rollback that was cut off is
finished by giving it again, or by the next decision about the same model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, update

from dfpt.errors import DfptError, UsageError
from dfpt.registry import agreement, aliases, artifacts, deployment, history, permission, requests
from dfpt.registry.actor import Actor
from dfpt.registry.champion import CHAMPION, PREVIOUS, production_name
from dfpt.registry.database import Record, Request, Rollback, State
from dfpt.registry.errors import BytesChanged, ForeignModel, LogDamaged, NotFound
from dfpt.registry.handle import Registry
from dfpt.registry.history import Deployment
from dfpt.registry.policy import Deed
from dfpt.registry.store import looking

BEGUN = "rollback begun"
GIVEN_UP = "rollback given up"


@dataclass(frozen=True)
class Target:
    """What a rollback goes to; ``from_version`` is what is in production now."""

    request: Request
    version: int
    from_version: int | None


def roll_back(registry: Registry, name: str, actor: Actor, reason: str, to: int | None = None) -> Deployment:
    """Make an earlier production version the champion again.

    A freeze window does not stop it, and it asks for no quorum: a way back must be open at any hour.

    Args:
        to: the version of ``<name>-production``; None is the one that ``previous`` points to.

    Raises:
        UsageError: no reason, no such version, or it is the champion; or no version was named and a promotion that had
            been cut off was finished first, so that ``previous`` is another one than it seemed.
        PolicyRefused: this person may not.
        BytesChanged: the version's files are not those that were promoted.
    """
    permission.require_reason(reason)
    permission.require(registry, actor, Deed.ROLL_BACK)
    with registry.lock():
        promoted = _finish_promotions(registry, name, actor)
        finished = finish_all(registry, name, actor)
        if finished and to in (None, *finished):  # this very rollback had been cut off
            return _now(registry, name)
        if promoted and to is None:
            raise UsageError(
                f"A promotion that had been cut off was finished first: "
                f"{production_name(name)}/{aliases.pointed_at(registry.client, name)[CHAMPION]} is the champion now.",
                "Name the version to go back to; dfpt model history shows them.",
            )
        target = check(registry, name, to)
        begun = _begin(registry, target, actor, reason)
        return _finish(registry, begun, target.request, actor)


def check(registry: Registry, name: str, to: int | None = None) -> Target:
    """What a rollback would do now; raises as :func:`roll_back` does."""
    pointed = aliases.pointed_at(registry.client, name)
    version = pointed.get(PREVIOUS) if to is None else to
    if version is None:
        raise NotFound(f"There is no version of {name} before the one in production.", "dfpt model history shows them.")
    request = _request_of(registry, name, version)
    if pointed.get(CHAMPION) == version:
        raise UsageError(
            f"{production_name(name)}/{version} is the champion already.", "dfpt model history shows others."
        )
    _verify(registry, request, version)
    return Target(request, version, pointed.get(CHAMPION))


def finish_all(registry: Registry, name: str, actor: Actor) -> list[int]:
    """Finish the rollbacks of a model that were cut off; returns the versions they went to.

    One whose files have been damaged since, or that only the database knows, is given up, or it would stand in the
    way of every other decision.
    """
    done = []
    for unfinished in unfinished_of(registry, name):
        request = _request_of(registry, name, unfinished.to_version)
        try:
            _require_begun(registry, unfinished)
            _verify(registry, request, unfinished.to_version)
        except DfptError as error:
            _close(registry, unfinished, request, actor, GIVEN_UP, error.message, {})
            continue
        _finish(registry, unfinished, request, actor)
        done.append(unfinished.to_version)
    return done


def unfinished_of(registry: Registry, name: str) -> Sequence[Rollback]:
    with looking(registry.engine) as session:
        query = select(Rollback).where(Rollback.name == name, Rollback.done.is_(False)).order_by(Rollback.id)
        return session.scalars(query).all()


def _require_begun(registry: Registry, unfinished: Rollback) -> None:
    """The log's last word about a rollback of this model is that this one was begun.

    Raises:
        LogDamaged: it is not: the rollback was put into the database by hand.
    """
    said = (BEGUN, history.ROLLED_BACK, GIVEN_UP)
    with looking(registry.engine) as session:
        query = select(Record).where(Record.name == unfinished.name, Record.action.in_(said))
        last = session.scalars(query.order_by(Record.seq.desc()).limit(1)).first()
    wanted = (unfinished.to_version, unfinished.by, unfinished.reason)
    if last is None or last.action != BEGUN or _said(last) != wanted:
        raise LogDamaged(None, f"it knows nothing of the rollback to version {unfinished.to_version}")


def _said(begun: Record) -> tuple[int, str, str]:
    return json.loads(begun.details)["production_version"], begun.actor, begun.reason


def _finish_promotions(registry: Registry, name: str, actor: Actor) -> bool:
    """What was approved and cut off; whether there was any. A damaged one must not keep anybody from going back."""
    finished = False
    for unfinished in requests.of_model(registry.engine, name, State.APPROVED):
        try:
            deployment.finish(registry, unfinished, actor)
            finished = True
        except (BytesChanged, ForeignModel, LogDamaged) as error:
            requests.refused(registry.store, unfinished, actor, "promotion", error.message, tampered=True)
    return finished


def _begin(registry: Registry, target: Target, actor: Actor, reason: str) -> Rollback:
    request = target.request
    with registry.store.writing() as log:
        begun = Rollback(
            name=request.name,
            from_version=target.from_version,
            to_version=target.version,
            request_id=request.id,
            by=actor.name,
            at=datetime.now(UTC),
            reason=reason,
        )
        log.session.add(begun)
        details = {"production_version": target.version, "from_version": target.from_version}
        log.append(actor, BEGUN, reason, request=request, details=details)
        return begun


def _finish(registry: Registry, begun: Rollback, request: Request, actor: Actor) -> Deployment:
    previous = aliases.make_champion(registry.client, begun.name, begun.to_version)
    details = {
        "production_version": begun.to_version,
        "previous_version": previous,
        "decided_by": begun.by,
    }
    _close(registry, begun, request, actor, history.ROLLED_BACK, begun.reason, details)
    return _now(registry, begun.name)


def _close(
    registry: Registry,
    begun: Rollback,
    request: Request,
    actor: Actor,
    action: str,
    reason: str,
    details: Mapping[str, object],
) -> None:
    with registry.store.writing() as log:
        log.session.execute(update(Rollback).where(Rollback.id == begun.id, Rollback.done.is_(False)).values(done=True))
        log.append(actor, action, reason, request=request, details=details)


def _request_of(registry: Registry, name: str, version: int) -> Request:
    """The request by which a production version was promoted, as the log has it."""
    if (number := history.promoted(registry.engine, name, version)) is not None:
        with looking(registry.engine) as session:
            return session.get_one(Request, number)
    raise NotFound(
        f"The log knows no promotion to {production_name(name)}/{version}.", "dfpt model history shows what it knows."
    )


def _verify(registry: Registry, request: Request, version: int) -> None:
    """Raises NotFound only where the version or its files are gone: that MLflow is away says nothing about them."""
    from mlflow import MlflowException

    model = f"{production_name(request.name)}/{version}"
    agreement.require(registry.engine, request)
    with artifacts.scratch() as scratch:
        try:
            found = registry.client.get_model_version(*model.split("/"))
            folder = artifacts.find(found, registry.uri, scratch)
        except MlflowException as error:
            if error.error_code not in artifacts.GONE:
                raise
            folder = None
        if folder is None:
            raise NotFound(f"{model} or its files are gone.", "dfpt audit reconcile shows what is missing.")
        artifacts.check(model, folder, request.artifact_sha256, request.weights_sha256)


def _now(registry: Registry, name: str) -> Deployment:
    found = history.current(registry.engine, name)
    if found is None:
        raise NotFound(f"Nothing of {name} is in production.")
    return found
