"""Requests for approval: how they are filed, and the moves that they can make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from dfpt.registry.actor import Actor
from dfpt.registry.database import Record, Request, State, Vote
from dfpt.registry.errors import WrongState
from dfpt.registry.ledger import Ledger
from dfpt.registry.store import Store, looking

# What is not in here does not happen.
MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.APPROVED, State.REJECTED, State.EXPIRED, State.WITHDRAWN, State.SUPERSEDED}),
    State.APPROVED: frozenset({State.PROMOTED, State.REJECTED}),
    State.PROMOTED: frozenset(),
    State.REJECTED: frozenset(),
    State.EXPIRED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.SUPERSEDED: frozenset(),
}
# Nobody decided about the candidate itself; it may be asked for again.
UNDECIDED = frozenset({State.EXPIRED, State.WITHDRAWN, State.SUPERSEDED})
REQUESTED = "requested"
REFUSED = "refused"
VOTED = "vote"


def file(
    store: Store,
    name: str,
    version: int,
    weights_sha256: str,
    artifact_sha256: str,
    actor: Actor,
    reason: str = "filed",
    trained_by: str | None = None,
) -> Request:
    """Ask for approval of a version.

    A version that a person decided about, or whose request is open, keeps that request. Older requests of the same
    model stay pending until one is promoted: who reads the evidence of one is not interrupted by the next training.
    """
    with store.writing() as log:
        known = _latest(log.session, name, version)
        if known is not None and State(known.state) not in UNDECIDED:
            return known
        request = Request(
            name=name,
            version=version,
            state=State.PENDING,
            weights_sha256=weights_sha256,
            artifact_sha256=artifact_sha256,
            requested_by=actor.name,
            requested_account=actor.account,
            requested_at=datetime.now(UTC),
            trained_by=trained_by,
        )
        log.session.add(request)
        log.session.flush()
        record = log.append(
            actor, REQUESTED, reason, request=request, after=State.PENDING, details={"trained_by": trained_by or ""}
        )
        request.requested_at = datetime.fromisoformat(record.at)  # what expires goes by the log
        return request


def transition(
    store: Store,
    request: Request,
    expected: State,
    to: State,
    actor: Actor,
    reason: str,
    details: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Request:
    """Move a request from ``expected`` to ``to`` and write it down, both or neither.

    Args:
        details: of the record.
        changes: other columns of the request that change with it.

    Raises:
        WrongState: it was not in ``expected``: somebody was quicker.
    """
    with store.writing() as log:
        return move(log, request, expected, to, actor, reason, details, **changes)


def move(
    log: Ledger,
    request: Request,
    expected: State,
    to: State,
    actor: Actor,
    reason: str,
    details: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Request:
    """The same as part of a transaction: a compare-and-swap, and its record."""
    if to not in MOVES[expected]:
        raise ValueError(f"a request cannot go from {expected} to {to}")
    won = log.session.execute(
        update(Request)
        .where(Request.id == request.id, Request.state == expected)
        .values(state=to, **changes)
        .execution_options(synchronize_session=False)
        .returning(Request.id)
    ).all()
    moved = log.session.get_one(Request, request.id, populate_existing=True)
    if not won:
        raise WrongState(moved.model, moved.state, to, "Somebody was quicker: look at it with dfpt model show.")
    log.append(actor, to.value, reason, request=moved, before=expected, after=to, details=details)
    return moved


def vote(store: Store, request: Request, actor: Actor, reason: str) -> None:
    """Write down an approval that is not enough yet."""
    with store.writing() as log:
        add_vote(log, request, actor, reason)
        log.append(actor, VOTED, reason, request=request, before=State.PENDING, after=State.PENDING)


def add_vote(log: Ledger, request: Request, actor: Actor, reason: str) -> None:
    at = datetime.now(UTC)
    log.session.add(Vote(request_id=request.id, person=actor.name, account=actor.account, at=at, reason=reason))
    log.session.flush()


def supersede_older(log: Ledger, promoted: Request, actor: Actor) -> list[Request]:
    """Close what was asked for earlier of the same model: production has something newer."""
    query = select(Request).where(
        Request.name == promoted.name, Request.state == State.PENDING, Request.id < promoted.id
    )
    reason = f"{promoted.model}, which is newer, was promoted"
    older = log.session.scalars(query.order_by(Request.id)).all()
    return [move(log, request, State.PENDING, State.SUPERSEDED, actor, reason) for request in older]


def refused(store: Store, request: Request, actor: Actor, deed: str, why: str, tampered: bool = False) -> None:
    """Write down what was tried in vain: the request stays as it is.

    Args:
        tampered: because files or records were changed, which people are told of.
    """
    details = {"tampered": True} if tampered else {}
    with store.writing() as log:
        state = State(log.session.get_one(Request, request.id).state)
        said = f"{deed} refused: {why}"
        log.append(actor, REFUSED, said, request=request, before=state, after=state, details=details)


def votes(engine: Engine, request: Request) -> Sequence[Vote]:
    """The approvals of a request so far, the oldest first."""
    with looking(engine) as session:
        return session.scalars(select(Vote).where(Vote.request_id == request.id).order_by(Vote.id)).all()


def latest(engine: Engine, name: str, version: int) -> Request | None:
    """The newest request for a version."""
    with looking(engine) as session:
        return _latest(session, name, version)


def before(engine: Engine, request: Request) -> Request | None:
    """The last request for the same version that was closed before this one was filed."""
    query = select(Request).where(
        Request.name == request.name, Request.version == request.version, Request.id < request.id
    )
    with looking(engine) as session:
        return session.scalars(query.order_by(Request.id.desc()).limit(1)).first()


def of_model(engine: Engine, name: str | None = None, state: State | None = None) -> Sequence[Request]:
    """Requests, the oldest first; of one model, in one state."""
    query = select(Request).order_by(Request.id)
    if name is not None:
        query = query.where(Request.name == name)
    if state is not None:
        query = query.where(Request.state == state)
    with looking(engine) as session:
        return session.scalars(query).all()


def log(engine: Engine, name: str, version: int) -> Sequence[Record]:
    """What happened to a candidate, the oldest first."""
    with looking(engine) as session:
        query = select(Record).where(Record.name == name, Record.version == version).order_by(Record.seq)
        return session.scalars(query).all()


def _latest(session: Session, name: str, version: int) -> Request | None:
    query = select(Request).where(Request.name == name, Request.version == version)
    return session.scalars(query.order_by(Request.id.desc()).limit(1)).first()
