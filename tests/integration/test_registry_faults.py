"""Real processes killed in the middle of what they do, at named points: one outcome, and the log agrees with it."""

from __future__ import annotations

import contextlib
import importlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfpt.registry import aliases, audit, history, promotion, reconcile, requests, rollback
from dfpt.registry.actor import Actor
from dfpt.registry.database import State
from dfpt.registry.errors import WrongState
from dfpt.registry.handle import Registry, open_registry
from dfpt.registry.store import Store, open_store
from tests.counts import Count
from tests.unit.registry import processes

pytest_plugins = ("tests.mlflow_home", "tests.unit.registry.databases")

BOB = Actor("bob", "bob")
KILLED = [-signal.SIGKILL]
Point = tuple[str, str]


def owner(point: str) -> tuple[Any, str]:
    """``module.name`` or ``module.Class.name`` -> the object that has it, and its last name."""
    path, name = point.rsplit(".", 1)
    try:
        return importlib.import_module(path), name
    except ModuleNotFoundError:
        module, kind = path.rsplit(".", 1)
        return getattr(importlib.import_module(module), kind), name


def approve(home: Path, point: str, when: str) -> None:
    processes.die_at(*owner(point), when)
    promotion.approve(open_registry(home), "elpv", 3, BOB, "looked at every miss")


def roll_back(home: Path, point: str, when: str) -> None:
    processes.die_at(*owner(point), when)
    rollback.roll_back(open_registry(home), "elpv", BOB, "misses cracks", 1)


REGISTRY = "dfpt.registry"
CLIENT = "mlflow.MlflowClient"
PROMOTION: list[Point] = [
    (f"{REGISTRY}.promotion.rule", "after"),
    (f"{REGISTRY}.promotion.check", "after"),
    (f"{REGISTRY}.requests.add_vote", "after"),
    (f"{REGISTRY}.ledger.Ledger.append", "after"),
    (f"{REGISTRY}.ledger.Ledger.sign", "after"),
    (f"{REGISTRY}.head.remember", "before"),
    (f"{REGISTRY}.promotion._accept", "after"),
    ("shutil.copytree", "after"),
    (f"{REGISTRY}.deployment._copy", "after"),
    (f"{CLIENT}.create_model_version", "after"),
    (f"{CLIENT}.set_registered_model_alias", "before"),
    (f"{CLIENT}.set_registered_model_alias", "after"),  # previous moved, champion not yet
    (f"{REGISTRY}.deployment._point", "after"),
    (f"{REGISTRY}.requests.supersede_older", "after"),
    (f"{REGISTRY}.deployment._record", "after"),
    (f"{REGISTRY}.handle.Registry.mirror", "before"),
]
ROLLBACK: list[Point] = [
    (f"{REGISTRY}.rollback.check", "after"),
    (f"{REGISTRY}.ledger.Ledger.append", "after"),
    (f"{REGISTRY}.rollback._begin", "after"),
    (f"{CLIENT}.set_registered_model_alias", "before"),
    (f"{CLIENT}.set_registered_model_alias", "after"),
    (f"{REGISTRY}.aliases.make_champion", "after"),
    (f"{REGISTRY}.rollback._close", "before"),
    (f"{REGISTRY}.rollback._close", "after"),
]


@pytest.fixture
def story(home: Path, submit: Callable[..., Any]) -> Registry:
    """Version 1 is in production; 2 and 3 wait, and 3 is the newer."""
    submit(b"one")
    registry = open_registry(home)
    promotion.approve(registry, "elpv", 1, BOB, "good")
    submit(b"two")
    submit(b"three")
    return registry


def agree(registry: Registry, champion: int, previous: int | None) -> None:
    """MLflow, the log and the requests say the same."""
    found = audit.verify(registry.store)
    assert found.intact, found.problem
    assert reconcile.reconcile(registry, BOB) == []
    expected = {"champion": champion} | ({} if previous is None else {"previous": previous})
    assert aliases.pointed_at(registry.client, "elpv") == expected
    deployed = history.current(registry.engine, "elpv")
    assert deployed is not None
    assert deployed.production_version == champion


def count(registry: Registry, version: int, action: str) -> int:
    return [record.action for record in requests.log(registry.engine, "elpv", version)].count(action)


@pytest.mark.parametrize(("point", "when"), PROMOTION)
def test_a_killed_promotion_is_finished_exactly_once(story: Registry, point: str, when: str, counted: Count) -> None:
    assert processes.run(approve, story.home, point, when) == KILLED
    broken = audit.verify(story.store)
    assert broken.intact, broken.problem
    assert aliases.pointed_at(story.client, "elpv")["champion"] in (1, 2)

    done = promotion.approve(story, "elpv", 3, BOB, "looked at every miss")

    assert (done.state, done.production_version) == (State.PROMOTED, 2)
    assert [count(story, 3, action) for action in ("requested", "approved", "promoted")] == [1, 1, 1]
    assert [record.action for record in requests.log(story.engine, "elpv", 2)] == ["requested", "superseded"]
    assert len(story.client.search_model_versions("name = 'elpv-production'")) == 2
    agree(story, 2, 1)
    counted(processes_killed=1, promotions_finished_once=1)


@pytest.mark.parametrize(("point", "when"), ROLLBACK)
def test_a_killed_rollback_is_finished_exactly_once(story: Registry, point: str, when: str, counted: Count) -> None:
    promotion.approve(story, "elpv", 3, BOB, "better")

    assert processes.run(roll_back, story.home, point, when) == KILLED
    broken = audit.verify(story.store)
    assert broken.intact, broken.problem
    if rollback.unfinished_of(story, "elpv") or aliases.pointed_at(story.client, "elpv")["champion"] == 2:
        rollback.roll_back(story, "elpv", BOB, "misses cracks", 1)

    assert [count(story, 1, action) for action in ("rollback begun", "rolled back")] == [1, 1]
    agree(story, 1, 2)
    counted(processes_killed=1, rollbacks_finished_once=1)


MOVES = [(before, after) for before, afters in requests.MOVES.items() for after in sorted(afters)]
WRITING: list[tuple[str, str, bool]] = [  # where, when, whether the move has happened
    (f"{REGISTRY}.ledger.Ledger.append", "before", False),
    (f"{REGISTRY}.ledger.Ledger.append", "after", False),
    (f"{REGISTRY}.ledger.Ledger.sign", "after", False),
    (f"{REGISTRY}.head.remember", "before", True),
]


def move(home: Path, model: str, before: State, after: State, point: str, when: str) -> None:
    store = open_store(home)
    request = requests.latest(store.engine, model, 1)
    assert request is not None
    processes.die_at(*owner(point), when)
    requests.transition(store, request, before, after, BOB, "why")


@pytest.mark.parametrize(("point", "when", "happened"), WRITING)
def test_a_killed_move_has_happened_with_its_record_or_not_at_all(
    store: Store, point: str, when: str, happened: bool
) -> None:
    for before, after in MOVES:
        model = f"{before}-{after}"
        request = requests.file(store, model, 1, "w", "a", BOB)
        if before != State.PENDING:
            requests.transition(store, request, State.PENDING, before, BOB, "so far")

        assert processes.run(move, store.home, model, before, after, point, when) == KILLED

        found = requests.latest(store.engine, model, 1)
        assert found is not None
        assert found.state == (after if happened else before)
        assert requests.log(store.engine, model, 1)[-1].after == found.state
        if not happened:
            requests.transition(store, request, before, after, BOB, "again")
    checked = audit.verify(store)
    assert checked.intact, checked.problem


def decide(home: Path, version: int) -> None:
    registry = open_registry(home)
    with contextlib.suppress(WrongState):
        promotion.approve(registry, "elpv", version, BOB, "why")
    rollback.roll_back(registry, "elpv", BOB, "why")


def test_processes_that_approve_and_roll_back_at_once_leave_one_champion(
    database: str, home: Path, submit: Callable[..., Any]
) -> None:
    submit(b"one")
    registry = open_registry(home)
    promotion.approve(registry, "elpv", 1, BOB, "good")
    submit(b"two")
    submit(b"three")
    submit(b"four")

    codes = processes.run(decide, home, 4, at_once=3)

    assert codes == [0, 0, 0]
    found = audit.verify(registry.store)
    assert found.intact, found.problem
    assert reconcile.reconcile(registry, BOB) == []
    assert [count(registry, 4, action) for action in ("approved", "promoted")] == [1, 1]
