"""The log, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from dfpt.registry.database import Record
from dfpt.registry.handle import Registry

LINES = 50


@dataclass(frozen=True)
class Log:
    """Records, the newest first; ``older`` is the number to go on from, None at the log's beginning."""

    records: Sequence[Record]
    count: int
    older: int | None


def of(registry: Registry, before: int | None = None) -> Log:
    """Those before the record number ``before``, else the last ones."""
    with registry.store.reading() as session:
        query = select(Record).order_by(Record.seq.desc()).limit(LINES)
        if before is not None:
            query = query.where(Record.seq < before)
        records = session.scalars(query).all()
        count = session.scalar(select(func.count()).select_from(Record)) or 0
    last = records[-1].seq if records else 0
    return Log(records, count, last if last > 1 else None)
