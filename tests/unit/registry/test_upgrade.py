"""Opening a database: new, from before there were migrations, by several processes at once, or too new."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from dfpt.errors import StepFailed, UsageError
from dfpt.registry import audit, history, requests, signing, upgrade
from dfpt.registry.actor import Actor
from dfpt.registry.database import Base
from dfpt.registry.store import DATABASE, URL_VARIABLE, Store, open_store
from tests.unit.registry import processes

pytest_plugins = "tests.unit.registry.databases"

# As SQLAlchemy's create_all made it before there were migrations (dumped from such a database).
BEFORE = """
CREATE TABLE requests (
    id INTEGER NOT NULL, name VARCHAR NOT NULL, version INTEGER NOT NULL, state VARCHAR NOT NULL,
    weights_sha256 VARCHAR NOT NULL, artifact_sha256 VARCHAR NOT NULL, requested_by VARCHAR NOT NULL,
    requested_at DATETIME NOT NULL, decided_by VARCHAR, decided_at DATETIME, decision_reason VARCHAR,
    self_approved BOOLEAN NOT NULL, production_version INTEGER, PRIMARY KEY (id)
);
CREATE UNIQUE INDEX one_open_request ON requests (name, version) WHERE state IN ('pending', 'approved');
CREATE TABLE log (
    id INTEGER NOT NULL, request_id INTEGER NOT NULL, at DATETIME NOT NULL, actor VARCHAR NOT NULL,
    account VARCHAR NOT NULL, before VARCHAR, after VARCHAR NOT NULL, reason VARCHAR NOT NULL, name VARCHAR NOT NULL,
    version INTEGER NOT NULL, weights_sha256 VARCHAR NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(request_id) REFERENCES requests (id)
);
CREATE INDEX ix_log_request_id ON log (request_id);
CREATE TRIGGER log_no_update BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_no_delete BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
INSERT INTO requests VALUES
    (1, 'elpv', 1, 'promoted', 'w1', 'a1', 'ada', '2026-11-01 08:00:00.000000', 'bob', '2026-11-01 09:00:00.000000',
     'good', 0, 1),
    (2, 'elpv', 2, 'pending', 'w2', 'a2', 'ada', '2026-11-02 08:00:00.000000', NULL, NULL, NULL, 0, NULL);
INSERT INTO log VALUES
    (1, 1, '2026-11-01 08:00:00.000000', 'ada', 'root', NULL, 'pending', 'filed', 'elpv', 1, 'w1'),
    (2, 1, '2026-11-01 08:30:00.000000', 'bob', 'robert', 'pending', 'pending', 'approval refused: x', 'elpv', 1, 'w1'),
    (3, 1, '2026-11-01 09:00:00.000000', 'bob', 'robert', 'pending', 'approved', 'good', 'elpv', 1, 'w1'),
    (4, 1, '2026-11-01 09:00:01.123456', 'bob', 'robert', 'approved', 'promoted', 'promoted to elpv-production/1',
     'elpv', 1, 'w1'),
    (5, 2, '2026-11-02 08:00:00.000000', 'ada', 'root', NULL, 'pending', 'filed', 'elpv', 2, 'w2');
"""


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A state folder with a registry of the schema before migrations."""
    home = tmp_path / "before"
    home.mkdir()
    with sqlite3.connect(home / DATABASE) as connection:
        connection.executescript(BEFORE)
    connection.close()
    return home


def test_a_database_from_before_is_taken_over_without_loss(before: Path) -> None:
    with sqlite3.connect(before / DATABASE) as connection:
        kept = "id, request_id, actor, account, before, after, reason, name, version, weights_sha256"
        old = connection.execute(f"SELECT {kept} FROM log ORDER BY id").fetchall()
        old_requests = connection.execute("SELECT * FROM requests ORDER BY id").fetchall()
    connection.close()

    store = open_store(before)

    with store.engine.connect() as opened:
        marker, *records = opened.execute(text("SELECT * FROM audit ORDER BY seq")).mappings().all()
        columns = ", ".join(name.strip() for name in kept.split(",")[1:])
        assert [
            tuple(row) for row in opened.execute(text(f"SELECT {columns} FROM audit WHERE seq > 1 ORDER BY seq"))
        ] == [line[1:] for line in old]
        assert [tuple(row)[:13] for row in opened.execute(text("SELECT * FROM requests ORDER BY id"))] == old_requests
    assert (marker["action"], marker["details"]) == ("log taken over", '{"records":5}')
    assert [record["action"] for record in records] == ["requested", "refused", "approved", "promoted", "requested"]
    assert records[3]["at"] == "2026-11-01T09:00:01.123456+00:00"
    assert (records[3]["artifact_sha256"], records[3]["details"]) == ("a1", '{"line":4,"production_version":1}')
    assert audit.verify(store).intact
    assert audit.verify(store).records == 6
    (deployed,) = history.deployments(store.engine, "elpv")
    assert (deployed.production_version, deployed.approved_by, deployed.approval_reason) == (1, ["bob"], "good")


def test_what_was_taken_over_is_gone_on_with(before: Path) -> None:
    store = open_store(before)

    requests.file(store, "elpv", 3, "w3", "a3", Actor("ada", "ada"))

    assert audit.verify(open_store(before)).records == 7
    assert not inspect(store.engine).has_table("log")


def test_an_upgrade_that_breaks_off_leaves_everything_as_it_was(before: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as full:
        full.setattr(signing, "key", broken)
        with pytest.raises(OSError, match="No space"):
            open_store(before)

    with sqlite3.connect(before / DATABASE) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert tables == {"requests", "log"}
    assert audit.verify(open_store(before)).records == 6


def test_the_migrations_make_what_the_program_expects(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_processes_that_open_a_new_database_at_once_and_append_make_one_chain(database: str, tmp_path: Path) -> None:
    home = tmp_path / "shared"

    assert processes.run(processes.append, home, 15, at_once=4) == [0] * 4

    store = open_store(home)
    found = audit.verify(store)
    assert (found.intact, found.records) == (True, 60), found.problem


def test_a_newer_schema_is_left_alone(store: Store) -> None:
    with store.engine.execution_options(dfpt_write=True).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))

    with pytest.raises(StepFailed, match=f"schema 0999; this dfpt knows {upgrade.NEWEST}"):
        open_store(store.home)


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("mysql://me:hidden@host/db", UsageError, "not in mysql"),
        ("me:hidden at host", UsageError, "is no URL"),
        ("postgresql://me:hidden@127.0.0.1:1/db?connect_timeout=2", StepFailed, "cannot be used"),
    ],
)
def test_a_wrong_url_is_explained_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, error: type[Exception], says: str
) -> None:
    monkeypatch.setenv(URL_VARIABLE, url)

    with pytest.raises(error, match=says) as raised:
        open_store(tmp_path)

    assert "hidden" not in str(raised.value)
