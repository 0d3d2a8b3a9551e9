"""The tables: what was seen, and the requests for a retraining. ``migrations`` makes them."""

from __future__ import annotations

import enum
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from dfpt.registry.store import Store, open_store
from dfpt.registry.times import Timed
from dfpt.registry.upgrade import Chain

CHAIN = Chain(versions=Path(__file__).with_name("migrations"), newest="0001", table="triggers_version")


class State(enum.StrEnum):
    """Of a request."""

    FILED = "filed"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"


class Base(Timed, DeclarativeBase):
    """Of these tables alone."""


class Seen(Base):
    """The last that came of a sighting."""

    __tablename__ = "trigger_sightings"

    id: Mapped[int] = mapped_column(primary_key=True)
    trigger: Mapped[str]
    key: Mapped[str]
    at: Mapped[datetime]
    outcome: Mapped[str]


class Request(Base):
    """The wish that the pipeline be run. ``run`` is JSON: the profile, the source and the settings of that run."""

    __tablename__ = "retraining_requests"

    id: Mapped[int] = mapped_column(primary_key=True)
    trigger: Mapped[str]
    key: Mapped[str]
    filed_at: Mapped[datetime]
    reason: Mapped[str]
    run: Mapped[str]
    state: Mapped[str]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    run_id: Mapped[str | None]
    exit_code: Mapped[int | None]


def open_tables(home: Path) -> Store:
    """The registry's database of ``home`` with our tables in it, all at their newest schema."""
    return open_store(home, CHAIN)
