"""Exactly one at work, of all the processes that share a database: a row that one of them holds and keeps renewing.

A row and not a lock of PostgreSQL's, because it also ends where a holder is cut off from the database and its
connection is not, and because SQLite has no such lock. Time is the database's, so machines need not agree on theirs;
how long a holder may rely on its lease it reckons by its own steady clock, from before it asked.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import (
    ColumnElement,
    Double,
    Engine,
    cast,
    delete,
    extract,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from dfpt.registry.store import Store
from dfpt.registry.upgrade import Chain, upgrade

SECONDS = 30.0  # after the last sign of life; less than clock.GRACE_SECONDS, so that no time is missed by a takeover
RUNS, LOOKS = "runs", "looks"  # who starts runs; who only looks at what triggers watch
_CHAIN = Chain(versions=Path(__file__).with_name("migrations"), newest="0001", table="schedules_version")


class Base(DeclarativeBase):
    pass


class Row(Base):
    """``expires_at`` in seconds since 1970, by the database's clock."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    expires_at: Mapped[float] = mapped_column(Double)


class Lease:
    """What one of several holds. Safe for threads."""

    def __init__(self, store: Store, name: str, seconds: float = SECONDS) -> None:
        """Makes the table where there is none.

        Args:
            seconds: how long it lasts after it was renewed last.
        """
        upgrade(store.engine, store.home, _CHAIN)
        self.name = name
        self.seconds = seconds
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._engine = store.engine.execution_options(dfpt_write=True)
        self._until = 0.0

    @property
    def held(self) -> bool:
        """Whether nobody else can have it yet."""
        return time.monotonic() < self._until

    def take(self) -> bool:
        """Take it, or renew it: a compare-and-swap. False where another holds it.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        asked_at = time.monotonic()
        now = _now(self._engine)
        insert = (postgresql if self._engine.dialect.name == "postgresql" else sqlite).insert
        values = {"holder": self.holder, "expires_at": now + self.seconds}
        with self._engine.begin() as connection:
            made = insert(Row).values(name=self.name, **values).on_conflict_do_nothing()
            won = connection.execute(made.returning(Row.name)).all()
            if not won:
                mine = or_(Row.holder == self.holder, Row.expires_at < now)
                swap = update(Row).where(Row.name == self.name, mine).values(values)
                won = connection.execute(swap.returning(Row.name)).all()
        self._until = asked_at + self.seconds if won else 0.0
        return bool(won)

    def holder_now(self) -> str:
        """Whose it is, for people; empty where nobody's."""
        with self._engine.connect() as connection:
            return connection.scalar(select(Row.holder).where(Row.name == self.name)) or ""

    def give_up(self) -> None:
        """Let another have it at once."""
        self._until = 0.0
        with suppress(SQLAlchemyError), self._engine.begin() as connection:  # else it runs out
            connection.execute(delete(Row).where(Row.name == self.name, Row.holder == self.holder))

    @contextmanager
    def kept(self, lost: Callable[[], None]) -> Iterator[None]:
        """Renew it in a thread of its own, also while what was begun is ending; then give it up.

        Args:
            lost: called, in that thread, when it could not be renewed in time or another has it.
        """
        done = threading.Event()

        def keep() -> None:
            while not done.wait(self.seconds / 3):
                with suppress(SQLAlchemyError):  # it is tried again while there is time
                    self.take()
                if not self.held:
                    lost()
                    return

        thread = threading.Thread(target=keep, name=f"lease {self.name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.give_up()


def _now(engine: Engine) -> ColumnElement[float]:
    if engine.dialect.name == "postgresql":
        return cast(extract("epoch", func.clock_timestamp()), Double)
    return literal_column("((julianday('now') - 2440587.5) * 86400.0)", Double)
