"""The service's tables for its commands: to read, to write, or to try something in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfpt.cli import options
from dfpt.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from dfpt.approvals.settings import Settings


def settings_of(home: Path, **given: Any) -> Settings:
    """Of the service that runs on ``home``."""
    try:
        import argon2  # noqa: F401 - one of the extra's packages speaks for all
    except ImportError as error:
        raise UsageError("The approvals service is not installed.", "pip install 'dfpt[approvals]'") from error
    from dfpt.approvals import settings

    return settings.load(options.use_home(home), **given)


def opened(home: Path) -> Engine:
    from dfpt.approvals import database

    return database.open_tables(home).engine


def reading(home: Path) -> AbstractContextManager[Engine]:
    """The tables; where there is no database looking makes none."""
    from dfpt.registry import store

    return writing(home, dry_run=not store.exists(home))


@contextlib.contextmanager
def writing(home: Path, dry_run: bool) -> Iterator[Engine]:
    """The tables; in a dry run what is written there is undone."""
    from dfpt.approvals import database
    from dfpt.registry.rehearsal import rehearsed

    if dry_run:
        with rehearsed(home, database.CHAIN) as store:
            yield store.engine
    else:
        yield opened(home)
