"""The tables: requests, votes, rollbacks, the log of everything that happened, and the outbox of what is told.

``migrations`` makes them.
"""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from dfpt.registry.times import Timed


class State(enum.StrEnum):
    """Of a request."""

    PENDING = "pending"
    APPROVED = "approved"  # decided, the promotion is under way
    PROMOTED = "promoted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class Base(Timed, DeclarativeBase):
    """Of the registry's own tables."""


class Request(Base):
    """The wish that a version of a candidate model be promoted to production."""

    __tablename__ = "requests"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]
    state: Mapped[str]
    weights_sha256: Mapped[str]
    artifact_sha256: Mapped[str]  # of the candidate's whole folder, evidence and all, when the request was filed
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    decided_by: Mapped[str | None]  # every approver, where the quorum asked for several
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]
    self_approved: Mapped[bool] = mapped_column(default=False)
    production_version: Mapped[int | None]
    requested_account: Mapped[str | None]  # behind requested_by; unknown before the log was chained
    trained_by: Mapped[str | None]
    emergency: Mapped[bool] = mapped_column(default=False)
    automatic: Mapped[bool] = mapped_column(default=False)

    @property
    def model(self) -> str:
        return f"{self.name}/{self.version}"


_OPEN = text("state IN ('pending', 'approved')")
Index(
    "one_open_request", Request.name, Request.version, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
)  # two processes cannot both ask


class Vote(Base):
    """One approval of a request."""

    __tablename__ = "votes"
    __table_args__ = (UniqueConstraint("request_id", "person"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), index=True)
    person: Mapped[str]
    account: Mapped[str]
    at: Mapped[datetime]
    reason: Mapped[str]


class Rollback(Base):
    """A return to an earlier version in production. Not ``done``: decided, the aliases are being moved."""

    __tablename__ = "rollbacks"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    from_version: Mapped[int | None]
    to_version: Mapped[int]
    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"))  # that the version was promoted by
    by: Mapped[str]
    at: Mapped[datetime]
    reason: Mapped[str]
    done: Mapped[bool] = mapped_column(default=False)


class Record(Base):
    """One line of the log, chained to the one before it by ``previous_hash``.

    Times are text, exactly as they were hashed: ISO 8601, UTC, microseconds. ``before`` and ``after`` are states of
    the request, null where the line is about none; ``details`` is canonical JSON.
    """

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # 1, 2, 3, ... without a gap
    at: Mapped[str]
    actor: Mapped[str]
    account: Mapped[str]
    origin: Mapped[str]
    action: Mapped[str] = mapped_column(index=True)
    name: Mapped[str | None] = mapped_column(index=True)
    version: Mapped[int | None]
    request_id: Mapped[int | None] = mapped_column(index=True)
    before: Mapped[str | None]
    after: Mapped[str | None]
    reason: Mapped[str]
    weights_sha256: Mapped[str | None]
    artifact_sha256: Mapped[str | None]
    details: Mapped[str]
    previous_hash: Mapped[str] = mapped_column(unique=True)  # two records cannot follow the same one
    hash: Mapped[str] = mapped_column(unique=True)


class Head(Base):
    """The end of the chain, signed. One row."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]
    hash: Mapped[str]
    key: Mapped[str]  # fingerprint of the public key
    signature: Mapped[str]


class Notification(Base):
    """An event that is to be told. ``spread``: every channel has its delivery.

    ``record`` is no foreign key: what tells of a damaged log must not stand in the way of whoever damages it.
    """

    __tablename__ = "notifications"

    id: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[str]
    record: Mapped[int | None] = mapped_column(unique=True)
    note: Mapped[str | None]  # where it is about no record: the log itself is damaged
    at: Mapped[datetime]
    spread: Mapped[bool] = mapped_column(default=False, index=True)


class DeliveryState(enum.StrEnum):
    """Of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given up"


class Delivery(Base):
    """The way of a notification through one channel."""

    __tablename__ = "deliveries"
    __table_args__ = (UniqueConstraint("notification", "channel"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    notification: Mapped[int] = mapped_column(ForeignKey("notifications.id"))
    channel: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
