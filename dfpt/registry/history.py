"""What has been in production, when, who approved it and on which evidence: read from the log alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Engine, select
from sqlalchemy.orm import Session

from dfpt.errors import UsageError
from dfpt.registry.champion import PRODUCTION
from dfpt.registry.database import Record, State
from dfpt.registry.requests import REQUESTED
from dfpt.registry.store import looking, reading

ROLLED_BACK = "rolled back"
DEPLOYING = (State.PROMOTED.value, ROLLED_BACK)


@dataclass(frozen=True)
class Deployment:
    """A version that became the champion.

    Attributes:
        record: number of the log's record that says so.
        at: since when, ISO 8601, UTC.
        how: ``promoted`` or ``rolled back``.
        by: who did that, and ``reason`` why; of a promotion that is the approval's.
        approved_by: who approved the version when it was promoted first.
        artifact_sha256: of all its files, the evidence among them: what was approved, byte for byte.
        previous_version: what the alias ``previous`` pointed to from then on.
        previous_known: false where the log did not write that down yet.
    """

    record: int
    name: str
    production_version: int
    candidate_version: int
    at: str
    how: str
    by: str
    reason: str
    requested_by: str
    approved_by: list[str]
    approved_at: str
    approval_reason: str
    self_approved: bool
    emergency: bool
    automatic: bool
    weights_sha256: str
    artifact_sha256: str
    request: int
    previous_version: int | None
    previous_known: bool


def deployments(engine: Engine, name: str) -> list[Deployment]:
    """All of them, of one model, the oldest first."""
    with reading(engine) as session:
        query = select(Record).where(Record.name == name, Record.action.in_(DEPLOYING)).order_by(Record.seq)
        deployed = session.scalars(query).all()
        stories = _stories(session, {record.request_id for record in deployed})
    return [_deployment(record, stories[record.request_id]) for record in deployed]


def current(engine: Engine, name: str) -> Deployment | None:
    """What the log says is in production now, whatever the clocks said; None where nothing is."""
    return _last(engine, name)


def at(engine: Engine, name: str, moment: datetime) -> Deployment | None:
    """What was in production at ``moment`` (with a time zone); None where nothing was."""
    return _last(engine, name, Record.at <= moment.astimezone(UTC).isoformat(timespec="microseconds"))


def _last(engine: Engine, name: str, *where: ColumnElement[bool]) -> Deployment | None:
    with reading(engine) as session:
        query = select(Record).where(Record.name == name, Record.action.in_(DEPLOYING), *where)
        record = session.scalars(query.order_by(Record.seq.desc()).limit(1)).first()
        if record is None:
            return None
        return _deployment(record, _stories(session, {record.request_id})[record.request_id])


def asked(engine: Engine, name: str, date: str | None = None) -> list[Deployment]:
    """All deployments of a model, or the one of a date.

    Args:
        name: of the candidates or of the production side.
        date: as people write it.

    Raises:
        UsageError: it is no date.
    """
    name = name.removesuffix(PRODUCTION)
    if date is not None:
        then = at(engine, name, moment(date))
        return [] if then is None else [then]
    return deployments(engine, name)


def models(engine: Engine) -> list[str]:
    """The names of what was ever in production."""
    with looking(engine) as session:
        query = select(Record.name).where(Record.action.in_(DEPLOYING)).distinct().order_by(Record.name)
        return [name for name in session.scalars(query) if name is not None]


def moment(text: str) -> datetime:
    """A date as people write it: ISO 8601; without a zone UTC; a day alone means its end.

    Raises:
        UsageError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no date.", "Write 2026-11-24, or 2026-11-24T15:30+09:00.") from error
    if len(text) <= len("2026-11-24"):
        found = datetime.combine(found.date(), time.max)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def promoted(engine: Engine, name: str, version: int) -> int | None:
    """The number of the request by which a production version was promoted; None where the log knows none."""
    query = select(Record.request_id, Record.details).where(Record.name == name, Record.action == State.PROMOTED)
    with looking(engine) as session:
        known = {json.loads(details)["production_version"]: request for request, details in session.execute(query)}
    return known.get(version)


def _stories(session: Session, requests: Iterable[int | None]) -> Mapping[int | None, Sequence[Record]]:
    """How each of some requests was filed and approved, the oldest first."""
    told = (REQUESTED, State.APPROVED.value)
    query = select(Record).where(Record.request_id.in_(requests), Record.action.in_(told)).order_by(Record.seq)
    stories: dict[int | None, list[Record]] = {}
    for record in session.scalars(query):
        stories.setdefault(record.request_id, []).append(record)
    return stories


def _deployment(record: Record, story: Sequence[Record]) -> Deployment:
    filed = next(line for line in story if line.action == REQUESTED)
    approval = next(line for line in story if line.action == State.APPROVED)
    details, decision = _details(record), _details(approval)
    rolled_back = record.action == ROLLED_BACK
    return Deployment(
        record=record.seq,
        name=str(record.name),
        production_version=int(details["production_version"]),
        candidate_version=int(filed.version or 0),
        at=record.at,
        how=record.action,
        by=str(details.get("decided_by", record.actor)) if rolled_back else approval.actor,
        reason=record.reason if rolled_back else approval.reason,
        requested_by=filed.actor,
        approved_by=list(decision.get("approved_by", [approval.actor])),
        approved_at=approval.at,
        approval_reason=approval.reason,
        self_approved=bool(decision.get("own", {filed.actor} & {approval.actor, approval.account})),
        emergency=bool(decision.get("emergency", False)),
        automatic=bool(decision.get("automatic", False)),
        weights_sha256=str(filed.weights_sha256),
        artifact_sha256=str(filed.artifact_sha256),
        request=int(filed.request_id or 0),
        previous_version=details.get("previous_version"),
        previous_known="previous_version" in details,
    )


def _details(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record.details)
    return found
