"""Bring a database to the newest schema, one process at a time, all or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from sqlalchemy import Connection, Engine, inspect, text

from dfpt.errors import StepFailed

NEWEST = "0003"
_LOCK = 0x64667074  # of PostgreSQL's advisory locks: the letters dfpt


@dataclass(frozen=True)
class Chain:
    """Migrations of one part of the tables; another part of the program may have its own in the same database.

    Attributes:
        versions: folder of Alembic's scripts.
        newest: the last one's revision.
        table: where the database says how far it is.
    """

    versions: Path
    newest: str
    table: str


_SCRIPTS = Path(__file__).with_name("migrations")
REGISTRY = Chain(_SCRIPTS / "versions", NEWEST, "alembic_version")


def upgrade(engine: Engine, home: Path, chain: Chain = REGISTRY) -> None:
    """Apply the migrations that are missing; a database from before them is taken over.

    Raises:
        StepFailed: a newer release of dfpt has been here.
    """
    with engine.connect() as connection:
        if _revision(connection, chain) == chain.newest:
            return
    with FileLock(home / "registry-upgrade.lock"), engine.connect() as connection:
        connection = connection.execution_options(dfpt_write=True)
        with connection.begin():
            within(connection, home, chain)


def within(connection: Connection, home: Path, chain: Chain = REGISTRY) -> None:
    """The same in a transaction of the caller's, which stands or falls with it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = _revision(connection, chain)
    if found is not None and found > chain.newest:
        raise StepFailed(
            f"The registry's database has schema {found}; this dfpt knows {chain.newest} at most.",
            "Use the release of dfpt that upgraded it, or a newer one.",
        )
    if found != chain.newest:
        _migrate(connection, home, chain)


def _revision(connection: Connection, chain: Chain) -> str | None:
    if not inspect(connection).has_table(chain.table):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {chain.table}")).scalar()
    return None if found is None else str(found)


def _migrate(connection: Connection, home: Path, chain: Chain) -> None:
    from alembic import command  # a quarter of a second, for what is rarely needed
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "home": home, "table": chain.table})
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("version_locations", str(chain.versions))
    config.set_main_option("path_separator", "newline")
    if chain is REGISTRY and _revision(connection, chain) is None and inspect(connection).has_table("log"):
        command.stamp(config, "0001")  # made before there were migrations
    command.upgrade(config, chain.newest)
