"""Requests for a retraining on real databases: once, in the log, one at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dfpt.registry import audit
from dfpt.registry.errors import LogDamaged
from dfpt.registry.store import Store
from dfpt.schedules.file import File
from dfpt.triggers import requests
from dfpt.triggers.decision import Outcome, Sighting
from dfpt.triggers.tables import State, open_tables

pytest_plugins = "tests.unit.registry.databases"

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RUN = {"profile": "smoke", "data": "digits"}


@pytest.fixture
def tables(database: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_tables(tmp_path / "registry-home")
    yield opened
    opened.engine.dispose()


def file(**triggers: Any) -> File:
    return File.model_validate({"triggers": triggers})


OLD = {"kind": "age", "model": "elpv", "days": 90, "run": RUN}
CALL = {"kind": "webhook", "secret": "S", "run": RUN, "cooldown_hours": 1}
NEW = {"kind": "data", "source": "digits", "cooldown_hours": 0}


def records(store: Store) -> list[dict[str, Any]]:
    query = text("SELECT actor, action, reason, details FROM audit ORDER BY seq")
    with store.engine.connect() as connection:
        return [dict(row) | {"details": json.loads(row["details"])} for row in connection.execute(query).mappings()]


def test_a_request_is_in_the_log_from_its_filing_to_its_end(tables: Store) -> None:
    outcome, filed = requests.notice(tables, file(old=OLD), "old", Sighting("age:1", "too old"), NOW)
    assert outcome is Outcome.FILED
    assert filed is not None
    claimed = requests.claim(tables)
    assert claimed is not None
    assert requests.work(claimed).arguments() == ["--profile", "smoke", "--data", "digits"]
    ended = requests.end(tables, claimed, 4)

    assert (ended.state, ended.exit_code) == (State.DONE, 4)
    said = records(tables)
    assert [line["action"] for line in said] == [requests.REQUESTED, requests.STARTED, requests.ENDED]
    assert (said[0]["actor"], said[0]["reason"]) == ("trigger old", "too old")
    assert said[0]["details"]["run"]["data"] == "digits"
    assert said[2]["details"]["exit_code"] == 4
    assert audit.verify(tables).intact


def test_the_same_thing_is_asked_for_once(tables: Store) -> None:
    declared = file(old=OLD)
    seen = Sighting("age:1", "too old")
    outcomes = [requests.notice(tables, declared, "old", seen, NOW + timedelta(days=days))[0] for days in (0, 3, 30)]
    assert outcomes == [Outcome.FILED, Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert len(records(tables)) == 1


def test_what_came_too_soon_is_filed_later_if_it_is_still_so(tables: Store) -> None:
    declared = file(old=OLD)
    requests.notice(tables, declared, "old", Sighting("age:1", "too old"), NOW)
    later = Sighting("age:2", "older")
    assert requests.notice(tables, declared, "old", later, NOW + timedelta(hours=1))[0] is Outcome.COOL_DOWN
    assert requests.notice(tables, declared, "old", later, NOW + timedelta(hours=25))[0] is Outcome.FILED


def test_what_was_there_before_the_trigger_is_no_news(tables: Store) -> None:
    declared = file(new=NEW)
    outcomes = [
        requests.notice(tables, declared, "new", Sighting(f"data:{version}", "new"), NOW + timedelta(hours=number))[0]
        for number, version in enumerate("aabba")
    ]
    assert outcomes == [
        Outcome.BASELINE,
        Outcome.DUPLICATE,
        Outcome.FILED,
        Outcome.DUPLICATE,
        Outcome.DUPLICATE,
    ]


def test_a_call_that_was_turned_down_is_not_heard_again(tables: Store) -> None:
    declared = file(call=CALL)
    requests.notice(tables, declared, "call", Sighting("webhook:1", "called"), NOW)
    second = Sighting("webhook:2", "called")
    assert requests.notice(tables, declared, "call", second, NOW + timedelta(minutes=1))[0] is Outcome.COOL_DOWN
    assert requests.notice(tables, declared, "call", second, NOW + timedelta(days=1))[0] is Outcome.DUPLICATE


def test_of_two_that_see_the_same_at_once_one_files_it(tables: Store) -> None:
    declared, together = file(old=OLD), threading.Barrier(4)
    outcomes: list[Outcome] = []

    def see() -> None:
        together.wait(30)
        outcomes.append(requests.notice(tables, declared, "old", Sighting("age:1", "too old"), NOW)[0])

    threads = [threading.Thread(target=see) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == sorted([Outcome.FILED, *[Outcome.DUPLICATE] * 3])
    assert len(requests.filed(tables)) == 1


def test_one_is_carried_out_at_a_time_the_oldest_first(tables: Store) -> None:
    declared = file(old=OLD, other=OLD)
    requests.notice(tables, declared, "old", Sighting("1", "first"), NOW)
    requests.notice(tables, declared, "other", Sighting("2", "second"), NOW)
    first = requests.claim(tables)
    assert first is not None
    assert first.reason == "first"
    assert requests.claim(tables) is None
    requests.end(tables, first, 1)
    second = requests.claim(tables)
    assert second is not None
    assert second.reason == "second"
    assert [item.state for item in requests.filed(tables)] == [State.FAILED, State.STARTED]


@pytest.mark.parametrize(
    ("exit_code", "expected"), [(1, Outcome.FILED), (2, Outcome.DUPLICATE), (3, Outcome.DUPLICATE)]
)
def test_what_broke_off_may_be_asked_for_again_and_what_was_refused_may_not(
    tables: Store, exit_code: int, expected: Outcome
) -> None:
    declared = file(old=OLD)
    requests.notice(tables, declared, "old", Sighting("1", "first"), NOW)
    claimed = requests.claim(tables)
    assert claimed is not None
    requests.end(tables, claimed, exit_code)
    found, again = requests.notice(tables, declared, "old", Sighting("1", "again"), NOW + timedelta(days=30))
    assert found == expected
    if again is not None:
        assert (again.id, again.state, again.exit_code, again.started_at) == (claimed.id, State.FILED, None, None)
        assert requests.run_name(again) != requests.run_name(claimed)
    assert audit.verify(tables).intact


def test_what_was_cut_off_here_is_filed_again_and_a_run_in_the_cluster_is_not(tables: Store) -> None:
    declared = file(old=OLD)
    requests.notice(tables, declared, "old", Sighting("1", "first"), NOW)
    claimed = requests.claim(tables)
    assert claimed is not None
    assert [item.id for item in requests.give_back(tables)] == [claimed.id]
    again = requests.claim(tables)
    assert again is not None
    requests.name_run(tables, again, "run-1")
    assert requests.give_back(tables) == []


def test_nothing_is_filed_on_top_of_a_log_that_was_changed(tables: Store) -> None:
    declared = file(old=OLD, other=OLD)
    requests.notice(tables, declared, "old", Sighting("1", "first"), NOW)
    with tables.engine.execution_options(dfpt_write=True).begin() as connection:
        connection.execute(text("UPDATE audit_head SET count = 0"))
    with pytest.raises(LogDamaged):
        requests.notice(tables, declared, "other", Sighting("2", "second"), NOW)
    assert len(requests.filed(tables)) == 1
