"""Requests for approval: how they are filed, and the moves that they can make."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from dfpt.registry.actor import Actor
from dfpt.registry.database import Record, Request, State
from dfpt.registry.errors import WrongState

MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset(
        {State.APPROVED, State.REJECTED, State.EXPIRED, State.WITHDRAWN, State.SUPERSEDED},
    ),
    State.APPROVED: frozenset({State.PROMOTED, State.REJECTED}),
}
# The machine's decision about a candidate that nobody decided about; a rerun may ask again.
UNDECIDED = frozenset({State.EXPIRED, State.WITHDRAWN, State.SUPERSEDED})


def file(
    engine: Engine, name: str, version: int, weights_sha256: str, artifact_sha256: str, actor: Actor
) -> tuple[Request, list[Request]]:
    """Ask for approval of a version; the other pending requests of the same model are superseded.

    Returns:
        The request, and those that it superseded. A version that a person decided about, or whose request is open,
        keeps that request.
    """
    with _session(engine) as session, session.begin():
        known = _latest(session, name, version)
        if known is not None and State(known.state) not in UNDECIDED:
            return known, []
        older = session.scalars(select(Request).where(Request.name == name, Request.state == State.PENDING)).all()
        reason = f"{name}/{version} is newer"
        superseded = [_move(session, request, State.PENDING, State.SUPERSEDED, actor, reason) for request in older]
        request = Request(
            name=name,
            version=version,
            state=State.PENDING,
            weights_sha256=weights_sha256,
            artifact_sha256=artifact_sha256,
            requested_by=actor.name,
            requested_at=datetime.now(UTC),
        )
        session.add(request)
        session.flush()
        _note(session, request, None, State.PENDING, actor, "filed")
        return request, superseded


def transition(
    engine: Engine, request: Request, expected: State, to: State, actor: Actor, reason: str, **changes: Any
) -> Request:
    """Move a request from ``expected`` to ``to`` and write it down, both or neither.

    Args:
        changes: other columns of the request that change with it.

    Raises:
        WrongState: it was not in ``expected``: somebody was quicker.
    """
    with _session(engine) as session, session.begin():
        return _move(session, request, expected, to, actor, reason, **changes)


def note(engine: Engine, request: Request, actor: Actor, reason: str) -> None:
    """Write down something that moved nothing, such as a refusal."""
    with _session(engine) as session, session.begin():
        _note(session, request, State(request.state), State(request.state), actor, reason)


def latest(engine: Engine, name: str, version: int) -> Request | None:
    """The newest request for a version."""
    with _session(engine) as session:
        return _latest(session, name, version)


def of_model(engine: Engine, name: str | None = None, state: State | None = None) -> Sequence[Request]:
    """Requests, the oldest first; of one model, in one state."""
    query = select(Request).order_by(Request.id)
    if name is not None:
        query = query.where(Request.name == name)
    if state is not None:
        query = query.where(Request.state == state)
    with _session(engine) as session:
        return session.scalars(query).all()


def log(engine: Engine, name: str, version: int) -> Sequence[Record]:
    """What happened to the requests for a version, the oldest first."""
    with _session(engine) as session:
        query = select(Record).where(Record.name == name, Record.version == version).order_by(Record.id)
        return session.scalars(query).all()


def _latest(session: Session, name: str, version: int) -> Request | None:
    query = select(Request).where(Request.name == name, Request.version == version)
    return session.scalars(query.order_by(Request.id.desc()).limit(1)).first()


def _move(
    session: Session, request: Request, expected: State, to: State, actor: Actor, reason: str, **changes: Any
) -> Request:
    if to not in MOVES.get(expected, ()):
        raise ValueError(f"a request cannot go from {expected} to {to}")
    won = session.execute(
        update(Request)
        .where(Request.id == request.id, Request.state == expected)
        .values(state=to, **changes)
        .execution_options(synchronize_session=False)
        .returning(Request.id)
    ).all()
    moved = session.get_one(Request, request.id, populate_existing=True)
    if not won:
        raise WrongState(moved.model, moved.state, to, "Somebody was quicker: look at it with dfpt model show.")
    _note(session, moved, expected, to, actor, reason)
    return moved


def _note(session: Session, request: Request, before: State | None, after: State, actor: Actor, reason: str) -> None:
    session.add(
        Record(
            request_id=request.id,
            at=datetime.now(UTC),
            actor=actor.name,
            account=actor.account,
            before=before,
            after=after,
            reason=reason,
            name=request.name,
            version=request.version,
            weights_sha256=request.weights_sha256,
        )
    )


def _session(engine: Engine) -> Session:
    return Session(engine, expire_on_commit=False)  # what is handed out can be read without a session
