"""Is a request what the log says of it? Who changes one behind the log approves without a trace."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dfpt.registry.database import Record, Request, State, Vote
from dfpt.registry.errors import LogDamaged
from dfpt.registry.requests import VOTED
from dfpt.registry.store import reading

_SAME_TIME = timedelta(minutes=1)  # of a request of an earlier release, which was a moment before its record

Contradiction = tuple[int | None, str]  # number of the record, if there is one, and a sentence without its full stop


def require(engine: Engine, request: Request) -> None:
    """What was asked for, by whom, who has approved it and what became of it is as it was written down.

    Raises:
        LogDamaged: the log says otherwise: the database was changed by hand.
    """
    with reading(engine) as session:
        found = contradicted(session, request)
    if found is not None:
        raise LogDamaged(*found)


def contradicted(session: Session, request: Request) -> Contradiction | None:
    """What a request, or its votes, says otherwise than the log; None where nothing."""
    records = session.scalars(select(Record).where(Record.request_id == request.id).order_by(Record.seq)).all()
    filed = next((record for record in records if record.after == State.PENDING), None)
    if filed is None:
        return None, f"request {request.id} ({request.model}) is not in the log"
    return (
        _otherwise_filed(request, filed)
        or _otherwise_moved(session.get_one(Request, request.id), records)
        or _otherwise_decided(request, records)
        or _otherwise_voted(session, request, records)
    )


def _otherwise_filed(request: Request, filed: Record) -> Contradiction | None:
    if (filed.name, filed.version) != (request.name, request.version):
        return filed.seq, f"{_named(request)} was filed for {filed.name}/{filed.version}"
    if (filed.weights_sha256, filed.artifact_sha256) != (request.weights_sha256, request.artifact_sha256):
        return filed.seq, f"{_named(request)} was filed for other files than it now says"
    details = json.loads(filed.details)
    from_before_the_chain = "line" in details  # its request knows no account, and it no trainer
    account = None if from_before_the_chain else filed.account
    asked = (request.requested_by, request.requested_account, request.trained_by or "")
    if asked != (filed.actor, account, details.get("trained_by", "")):
        return filed.seq, f"{_named(request)} was asked for by others than it now says"
    if abs(request.requested_at - datetime.fromisoformat(filed.at)) > _SAME_TIME:
        return filed.seq, f"{_named(request)} was asked for at another time than it now says"
    return None


def _otherwise_moved(now: Request, records: Sequence[Record]) -> Contradiction | None:
    """Only moves count: a vote or a refusal writes down the state that it found, true or not."""
    last = [record for record in records if record.after is not None and record.before != record.after][-1]
    if now.state != last.after:
        return last.seq, f"{_named(now)} is {last.after} by the log, not {now.state}"
    return None


def _otherwise_decided(request: Request, records: Sequence[Record]) -> Contradiction | None:
    """The marks of an approval, which stay on the version for ever."""
    approval = next((record for record in records if record.action == State.APPROVED), None)
    details = {} if approval is None else json.loads(approval.details)
    if approval is None or "approved_by" not in details or request.state not in (State.APPROVED, State.PROMOTED):
        return None
    written = (", ".join(details["approved_by"]), approval.reason)
    marks = tuple(details[mark] for mark in ("own", "emergency", "automatic"))
    says = (request.decided_by, request.decision_reason)
    if (*says, request.self_approved, request.emergency, request.automatic) != (*written, *marks):
        return approval.seq, f"{_named(request)} was approved otherwise than it now says"
    return None


def _otherwise_voted(session: Session, request: Request, records: Sequence[Record]) -> Contradiction | None:
    votes = session.scalars(select(Vote).where(Vote.request_id == request.id)).all()
    voted = {(record.actor, record.account) for record in records if record.action == VOTED}
    approved = {(record.actor, record.account) for record in records if record.action == State.APPROVED}
    if not voted <= {(vote.person, vote.account) for vote in votes} <= voted | approved:
        return records[-1].seq, f"{_named(request)} has other approvals than were written down"
    return None


def _named(request: Request) -> str:
    return f"request {request.id} ({request.model})"
