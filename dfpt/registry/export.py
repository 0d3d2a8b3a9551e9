"""The log for others to keep and to check: JSON Lines, as it was hashed, or CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from dfpt.registry import canonical
from dfpt.registry.database import Record
from dfpt.registry.ledger import content
from dfpt.registry.store import Store

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins so


def json_lines(store: Store) -> Iterator[str]:
    """One record a line, canonical, with its hash: SHA-256 of the line without ``hash`` gives it again."""
    for record in _records(store):
        yield canonical.encode(content(record)) + "\n"


def csv_lines(store: Store) -> Iterator[str]:
    """A line of titles, then one record a line. Text that a spreadsheet would take for a formula gets a quote first."""
    fields = [column.key for column in Record.__table__.columns]
    yield _row(fields)
    for record in _records(store):
        yield _row([_cell(getattr(record, field)) for field in fields])


def _records(store: Store) -> Iterator[Record]:
    with store.reading() as session:
        yield from session.scalars(select(Record).order_by(Record.seq).execution_options(yield_per=500))


def _row(cells: list[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(_FORMULA) else text
