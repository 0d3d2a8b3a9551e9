"""Whatever is done in a rehearsal is seen inside it, and gone afterwards, on SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from dfpt.registry import audit, requests, signing
from dfpt.registry.actor import Actor
from dfpt.registry.rehearsal import rehearsed
from dfpt.registry.store import DATABASE, Store, exists
from dfpt.triggers.tables import CHAIN
from tests.unchanged import unchanged

pytest_plugins = "tests.unit.registry.databases"

ADA = Actor("ada", "a")


def rows(store: Store) -> dict[str, list[Any]]:
    """Every row of every table."""
    with store.engine.connect() as connection:
        return {
            table: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{table}"'))))
            for table in inspect(connection).get_table_names()
        }


def ask(store: Store, version: int) -> None:
    requests.file(store, "elpv", version, "w" * 64, "a" * 64, ADA)


def test_nothing_of_it_stays_and_the_log_goes_on(store: Store) -> None:
    ask(store, 1)
    before = rows(store)
    with unchanged(store.home), rehearsed(store.home) as stage:
        for version in (2, 3):  # the second record is chained to the first, which no other process sees
            ask(stage, version)
        assert [found.version for found in requests.of_model(stage.engine)] == [1, 2, 3]
        assert audit.verify(stage).records == 3
        assert audit.verify(stage).intact
    assert rows(store) == before
    ask(store, 4)
    assert audit.verify(store).intact
    assert audit.verify(store).records == 2


def test_tables_that_are_not_there_are_made_for_it_alone(store: Store) -> None:
    before = rows(store)
    with unchanged(store.home), rehearsed(store.home, CHAIN) as stage, stage.reading() as session:
        assert session.execute(text("SELECT count(*) FROM retraining_requests")).scalar() == 0
    assert rows(store) == before


def test_an_error_inside_undoes_it_too(store: Store) -> None:
    def fail() -> None:
        with rehearsed(store.home) as stage:
            ask(stage, 1)
            raise KeyError

    with unchanged(store.home), pytest.raises(KeyError):
        fail()
    assert requests.of_model(store.engine) == []


def test_the_key_is_not_made_for_it(store: Store) -> None:
    with rehearsed(store.home) as stage:
        ask(stage, 1)
    assert not (store.home / signing.FILE).exists()


def test_where_there_is_no_database_none_is_made(tmp_path: Path) -> None:
    with rehearsed(tmp_path / "home", CHAIN) as stage:
        ask(stage, 1)
        assert stage.home != tmp_path / "home"
        assert (stage.home / DATABASE).exists()
    assert not exists(tmp_path / "home")
    assert not (tmp_path / "home").exists()
