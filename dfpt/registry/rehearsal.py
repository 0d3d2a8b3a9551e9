"""The registry's database to try things in: whatever is done there is undone.

So a dry run can say what the real run would do: it is the real run, up to its last word. Not for what goes beyond the
database, such as MLflow's aliases or a message that is sent.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from sqlalchemy import Engine

from dfpt.registry import head, signing, upgrade
from dfpt.registry.store import Store, answering, exists, open_engine, open_store


@contextmanager
def rehearsed(home: Path, *others: upgrade.Chain) -> Iterator[Store]:
    """The database of ``home`` inside one transaction that is never committed; where there is none, an empty one.

    Its ``home`` is a folder of its own, with the key and the remembered head of the log, so that records can be signed.

    Args:
        others: as of :func:`dfpt.registry.store.open_store`.

    Raises:
        UsageError, StepFailed: as ``open_store``.
    """
    home = home.absolute()
    with tempfile.TemporaryDirectory(prefix="dfpt-dry-run-") as folder:
        scratch = Path(folder)
        if not exists(home):
            store = open_store(scratch, *others)
            with disposing(store.engine):
                yield store
            return
        if (home / signing.FILE).exists():
            (scratch / signing.FILE).symlink_to(home / signing.FILE)
        if (home / head.FILE).exists():
            shutil.copy(home / head.FILE, scratch)
        engine = open_engine(home)
        with disposing(engine), answering(engine), engine.connect() as connection:
            connection = connection.execution_options(dfpt_write=True)  # it takes its turn, as every writer
            with connection.begin() as everything:
                for chain in (upgrade.REGISTRY, *others):
                    upgrade.within(connection, home, chain)
                # Sessions on a connection that is at a savepoint make savepoints of their own, and commit no more.
                with connection.begin_nested():
                    yield Store(scratch, cast(Engine, connection))
                everything.rollback()


@contextmanager
def disposing(engine: Engine) -> Iterator[None]:
    """Close its connections in the end."""
    try:
        yield
    finally:
        engine.dispose()
