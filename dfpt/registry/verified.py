"""What of the log was found in order already, by this process: that need not be hashed again, only compared.

To hash a record takes most of the time of a verification. Here the rows are kept as the database gave them when they
and the signed head behind them were good. Each later verification reads the whole log again and compares every field
of every row with what is kept, so a change of one is found as surely as by its hash; rows that are equal are spared
the hashing, all others are not. It is memory of a process: nothing in the database or in a file says "verified", so
there is nothing to forge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row


@dataclass
class Verified:
    """The rows, from the first record on. Threads may share it: what is kept is replaced as a whole."""

    _rows: Sequence[Row[Any]] = field(default=())

    def unchanged(self, rows: Sequence[Row[Any]]) -> int:
        """How many of ``rows``, from the first one on, need no hashing: all that are kept, or none."""
        kept = self._rows
        return len(kept) if rows[: len(kept)] == kept else 0

    def keep(self, rows: Sequence[Row[Any]]) -> None:
        """All of ``rows``, and the head that was signed for them, are good."""
        self._rows = rows
