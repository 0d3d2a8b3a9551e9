"""The registry's own database: requests, and the log of everything that happened to them.

The log is the record; MLflow's tags only mirror it. SQLite itself refuses to change or remove a line of it.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import DDL, DateTime, Dialect, Engine, ForeignKey, Index, TypeDecorator, create_engine, event, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

DATABASE = "registry.db"
_WAIT_SECONDS = 30  # for another process's transaction


class State(enum.StrEnum):
    """Of a request."""

    PENDING = "pending"
    APPROVED = "approved"  # decided, the promotion is under way
    PROMOTED = "promoted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class UtcTime(TypeDecorator[datetime]):
    """A point in time. SQLite drops the zone: it is UTC on the way in and on the way out."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: UtcTime}  # noqa: RUF012 - SQLAlchemy's own way


class Request(Base):
    """The wish that a version of a candidate model be promoted to production."""

    __tablename__ = "requests"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]
    state: Mapped[str]
    weights_sha256: Mapped[str]
    artifact_sha256: Mapped[str]  # of the candidate's whole folder, when the request was filed
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]
    self_approved: Mapped[bool] = mapped_column(default=False)
    production_version: Mapped[int | None]

    @property
    def model(self) -> str:
        return f"{self.name}/{self.version}"


_OPEN = text("state IN ('pending', 'approved')")
Index(
    "one_open_request", Request.name, Request.version, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
)  # two processes cannot both ask


class Record(Base):
    """One line of the log: who, when, what, why. ``before`` is null for a new request."""

    __tablename__ = "log"

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    account: Mapped[str]
    before: Mapped[str | None]
    after: Mapped[str]
    reason: Mapped[str]
    name: Mapped[str]
    version: Mapped[int]
    weights_sha256: Mapped[str]


for _verb in ("UPDATE", "DELETE"):
    event.listen(
        Record.__table__,
        "after_create",
        DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER log_no_{_verb.lower()} BEFORE {_verb} ON log "
            "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
        ).execute_if(dialect="sqlite"),
    )


def open_database(home: Path) -> Engine:
    """The database of ``home``, with its tables."""
    home.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{home.absolute() / DATABASE}", connect_args={"timeout": _WAIT_SECONDS})
    Base.metadata.create_all(engine)
    return engine
