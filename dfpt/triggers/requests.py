"""Requests for a retraining: filed, started, ended, each with its record in the audit log."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from dfpt.errors import EXIT_FAILED, EXIT_PENDING
from dfpt.registry.actor import Actor, current
from dfpt.registry.ledger import Ledger
from dfpt.registry.store import Store
from dfpt.schedules.file import File, Work
from dfpt.triggers.decision import Filed, Limits, Outcome, Sighting, decide
from dfpt.triggers.tables import Request, Seen, State

REQUESTED, STARTED, ENDED = "retraining requested", "retraining started", "retraining ended"
_SUCCESS = (0, EXIT_PENDING)
_FIRST_IS_NONE = ("data", "upstream")  # what was there before the trigger is no news
_ONCE = ("webhook",)  # a call that was turned down is not heard again


def notice(
    store: Store, file: File, name: str, sighting: Sighting, now: datetime | None = None, origin: str | None = None
) -> tuple[Outcome, Request | None]:
    """Decide about a sighting, and file a request where that is the decision: one transaction, so that of two that see
    the same thing at once one files it.

    Args:
        origin: the address that it came from; else this machine.

    Raises:
        LogDamaged: nothing is filed on top of a log that was changed.
    """
    now = now or datetime.now(UTC)
    trigger = file.triggers[name]
    with store.writing() as log:
        seen = log.session.scalars(select(Seen).where(Seen.trigger == name)).all()
        known = next((item for item in seen if item.key == sighting.key), None)
        outcome = decide(
            name,
            sighting.key,
            Limits(timedelta(hours=trigger.cooldown_hours), trigger.runs_per_week, file.runs_per_week),
            _filed(log.session),
            now,
        )
        if known is not None and (known.outcome == Outcome.BASELINE or trigger.kind in _ONCE):
            outcome = Outcome.DUPLICATE
        elif not seen and trigger.kind in _FIRST_IS_NONE:
            outcome = Outcome.BASELINE
        if outcome is not Outcome.DUPLICATE:
            known = known or Seen(trigger=name, key=sighting.key)
            known.at, known.outcome = now, outcome.value
            log.session.add(known)
        if outcome is not Outcome.FILED:
            return outcome, None
        return outcome, _file(log, name, sighting, trigger.run, now, _actor(name, origin))


def filed(store: Store) -> Sequence[Request]:
    """All requests, the oldest first."""
    with store.reading() as session:
        return session.scalars(select(Request).order_by(Request.id)).all()


def claim(store: Store, run_id: str | None = None) -> Request | None:
    """Take the oldest that is filed; None where there is none, or one is under way: one runs at a time."""
    with store.writing() as log:
        if log.session.scalars(select(Request).where(Request.state == State.STARTED).limit(1)).first():
            return None
        query = select(Request).where(Request.state == State.FILED).order_by(Request.id).limit(1)
        request = log.session.scalars(query).first()
        if request is None:
            return None
        request.state, request.started_at, request.run_id = State.STARTED.value, datetime.now(UTC), run_id
        _write(log, STARTED, request, current(), {"run_id": run_id or ""})
        return request


def name_run(store: Store, request: Request, run_id: str) -> Request:
    """Remember which run it has become."""
    with store.writing() as log:
        named = log.session.get_one(Request, request.id)
        named.run_id = run_id
        return named


def end(store: Store, request: Request, exit_code: int) -> Request:
    """Write down how it ended: 0 and 4 are well, whatever else is not."""
    with store.writing() as log:
        ended = log.session.get_one(Request, request.id)
        ended.state = (State.DONE if exit_code in _SUCCESS else State.FAILED).value
        ended.ended_at, ended.exit_code = datetime.now(UTC), exit_code
        _write(log, ENDED, ended, current(), {"exit_code": exit_code, "run_id": ended.run_id or ""})
        return ended


def give_back(store: Store) -> list[Request]:
    """Those that were started here and cut off are filed again: the same run goes on where it stopped.

    To be called by whoever alone works on this state folder's requests. One that has become a run in the cluster goes
    on there.
    """
    with store.writing() as log:
        cut = log.session.scalars(select(Request).where(Request.state == State.STARTED, Request.run_id.is_(None))).all()
        for request in cut:
            request.state, request.started_at = State.FILED.value, None
        return list(cut)


def work(request: Request) -> Work:
    """What is to be run."""
    return Work.model_validate_json(request.run)


def run_name(request: Request) -> str:
    """Of the run in the cluster that the request becomes: the same at every attempt, so that it becomes one."""
    what = f"{request.trigger} {request.key} {request.filed_at.isoformat()}"
    return f"retraining-{request.id}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"


def _file(log: Ledger, name: str, sighting: Sighting, run: Work, now: datetime, actor: Actor) -> Request:
    """A new request, or the one that broke off once more: a trigger has one for a thing."""
    query = select(Request).where(Request.trigger == name, Request.key == sighting.key)
    request = log.session.scalars(query).one_or_none() or Request(trigger=name, key=sighting.key)
    request.filed_at, request.reason, request.run = now, sighting.reason, run.model_dump_json()
    request.state = State.FILED.value
    request.started_at = request.ended_at = request.run_id = request.exit_code = None
    log.session.add(request)
    log.session.flush()
    _write(log, REQUESTED, request, actor, {"run": run.model_dump(mode="json")})
    return request


def _write(log: Ledger, action: str, request: Request, actor: Actor, details: dict[str, object]) -> None:
    about = {"retraining": request.id, "trigger": request.trigger, "key": request.key}
    log.append(actor, action, request.reason, details=about | details)


def _filed(session: Session) -> list[Filed]:
    query = select(Request.trigger, Request.key, Request.filed_at, Request.exit_code)
    return [Filed(trigger, key, at, code == EXIT_FAILED) for trigger, key, at, code in session.execute(query)]


def _actor(name: str, origin: str | None) -> Actor:
    here = current()
    return dataclasses.replace(here, name=f"trigger {name}", origin=origin or here.origin)
