"""Bring a database to the newest schema, one process at a time, all or nothing."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock
from sqlalchemy import Connection, Engine, inspect, text

from dfpt.errors import StepFailed

NEWEST = "0002"
_LOCK = 0x64667074  # of PostgreSQL's advisory locks: the letters dfpt


def upgrade(engine: Engine, home: Path) -> None:
    """Apply the migrations that are missing; a database from before them is taken over.

    Raises:
        StepFailed: a newer release of dfpt has been here.
    """
    with engine.connect() as connection:
        if _revision(connection) == NEWEST:
            return
    with FileLock(home / "registry-upgrade.lock"), engine.connect() as connection:
        connection = connection.execution_options(dfpt_write=True)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            found = _revision(connection)
            if found is not None and found > NEWEST:
                raise StepFailed(
                    f"The registry's database has schema {found}; this dfpt knows {NEWEST} at most.",
                    "Use the release of dfpt that upgraded it, or a newer one.",
                )
            if found != NEWEST:
                _migrate(connection, home)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _migrate(connection: Connection, home: Path) -> None:
    from alembic import command  # a quarter of a second, for what is rarely needed
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "home": home})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    if _revision(connection) is None and inspect(connection).has_table("log"):
        command.stamp(config, "0001")  # made before there were migrations
    command.upgrade(config, NEWEST)
