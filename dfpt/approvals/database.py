"""Transactions on the service's own tables, which lie in the registry's database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from dfpt.registry.store import Store, open_store
from dfpt.registry.upgrade import Chain

CHAIN = Chain(versions=Path(__file__).with_name("migrations"), newest="0001", table="approvals_version")


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """A transaction; what is raised inside undoes all of it."""
    with Session(engine.execution_options(dfpt_write=True), expire_on_commit=False) as session, session.begin():
        yield session


def open_tables(home: Path) -> Store:
    """The registry's database of ``home`` with our tables in it, all at their newest schema."""
    return open_store(home, CHAIN)
