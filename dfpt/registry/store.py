"""The registry's own database, opened: SQLite in the state folder, or PostgreSQL by URL.

Every change goes through :meth:`Store.writing`: one transaction, which waits for the others at the log's head. So
changes come one after the other, each with its records, and the chain cannot fork.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError
from sqlalchemy.orm import Session

from dfpt.errors import StepFailed, UsageError
from dfpt.registry import head, ledger
from dfpt.registry.upgrade import REGISTRY, Chain, upgrade
from dfpt.registry.verified import Verified

DATABASE = "registry.db"
URL_VARIABLE = "DFPT_REGISTRY_URL"
_WAIT_SECONDS = 30  # for another process's transaction
_CONNECTIONS = 15  # of a process, at most


@dataclass(frozen=True)
class Store:
    """An open database.

    Attributes:
        home: the state folder, where the key is that signs the log.
        verified: what of the log this process has found in order.
    """

    home: Path
    engine: Engine
    verified: Verified = field(default_factory=Verified, compare=False)

    @contextmanager
    def writing(self) -> Iterator[ledger.Ledger]:
        """A transaction with the log in hand; what is raised inside undoes all of it.

        Raises:
            LogDamaged: the log is not as it was left; nothing is put on top of that.
        """
        engine = self.engine.execution_options(dfpt_write=True)
        with Session(engine, expire_on_commit=False) as session, session.begin():
            log = ledger.Ledger(session, self.home)
            yield log
            written = log.sign()
        if written is not None:
            head.remember(self.home, written)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees the database at one moment."""
        with reading(self.engine) as session:
            yield session


def reading(engine: Engine) -> AbstractContextManager[Session]:
    """A session that sees the database at one moment; what it hands out can be read afterwards."""
    return _session(engine, "REPEATABLE READ")


def looking(engine: Engine) -> AbstractContextManager[Session]:
    """A session for one statement, or for some that need not agree; what it hands out can be read afterwards.

    On PostgreSQL no transaction is begun and ended for it: two trips to the server less.
    """
    return _session(engine, "AUTOCOMMIT")


@contextmanager
def _session(engine: Engine, isolation: IsolationLevel) -> Iterator[Session]:
    if engine.dialect.name == "postgresql" and isinstance(engine, Engine):  # a rehearsal is inside a transaction
        engine = engine.execution_options(isolation_level=isolation)
    with Session(engine, expire_on_commit=False) as session:
        yield session


def open_store(home: Path, *others: Chain) -> Store:
    """The database of ``home``, or the one that DFPT_REGISTRY_URL names, at the newest schema.

    Args:
        others: tables beside the registry's own, which are to be at theirs.

    Raises:
        UsageError: a URL that means no database we know.
        StepFailed: the database does not answer, or is newer than this release.
    """
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    engine = open_engine(home)
    with answering(engine):
        for chain in (REGISTRY, *others):
            upgrade(engine, home, chain)
    return Store(home, engine)


def open_engine(home: Path) -> Engine:
    """The database as it is, which nobody has asked yet. Raises UsageError: a URL that means no database we know."""
    url = _url(home)
    return _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)


@contextmanager
def answering(engine: Engine) -> Iterator[None]:
    """Raise StepFailed, in words, where the database does not answer inside, or is none."""
    try:
        yield
    except IntegrityError:
        raise
    except DatabaseError as error:
        raise StepFailed(
            f"The registry's database {engine.url.render_as_string(hide_password=True)} cannot be used: "
            f"{error.orig}".strip(),
            f"Start it, or correct {URL_VARIABLE}."
            if os.environ.get(URL_VARIABLE)
            else "Look at the file and its folder, restore it from a backup, or name another folder with --home.",
        ) from error


def exists(home: Path) -> bool:
    """Whether there is a database to open, so that looking for one makes none."""
    return bool(os.environ.get(URL_VARIABLE)) or (home / DATABASE).exists()


def _url(home: Path) -> URL:
    given = os.environ.get(URL_VARIABLE)
    if not given:
        return URL.create("sqlite", database=str(home / DATABASE))
    try:
        url = make_url(given)
    except ArgumentError as error:  # never repeat it: there may be a password in it
        raise UsageError(
            f"{URL_VARIABLE} is no URL.", "Write postgresql://user:password@host:5432/database."
        ) from error
    backend = {"postgres": "postgresql"}.get(url.get_backend_name(), url.get_backend_name())
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and url.database:
        return url
    raise UsageError(
        f"{URL_VARIABLE}: a registry is kept in sqlite or postgresql, not in {backend}.",
        "Write postgresql://user:password@host:5432/database, or leave it away for a file in the state folder.",
    )


def _postgresql(url: URL) -> Engine:
    """Connections stay open: those beyond a pool's size would be made anew for each request."""
    return create_engine(url, pool_pre_ping=True, pool_size=_CONNECTIONS, max_overflow=0)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _WAIT_SECONDS})

    @event.listens_for(engine, "connect")
    def _leave_transactions_to_us(connection: Any, _: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        """A writer takes its turn before it reads, or two that have read would each wait for the other."""
        write = connection.get_execution_options().get("dfpt_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine
