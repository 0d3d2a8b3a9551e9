"""What the triggers see: a real source, a real drift report, the log's champion, runs of a fake cluster."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dfpt import logs
from dfpt.cli import submit as cli
from dfpt.cluster import submit
from dfpt.cluster.errors import Unreachable
from dfpt.cluster.kfp import Pipelines, Target
from dfpt.config import resolve
from dfpt.errors import DfptError, StepFailed
from dfpt.registry import history
from dfpt.registry.store import Store
from dfpt.schedules import worker
from dfpt.schedules.file import AgeTrigger, DataTrigger, DriftTrigger, File, UpstreamTrigger
from dfpt.schedules.lease import LOOKS, Lease
from dfpt.triggers import requests, server, watch, work
from dfpt.triggers.decision import Outcome, Sighting
from dfpt.triggers.tables import State, open_tables
from tests.fake_kfp import runs
from tests.fake_kfp.server import FakePipelines, Fault

pytest_plugins = ("tests.fake_kfp.plugin", "tests.unit.registry.databases")

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_tables(tmp_path / "home")


@pytest.fixture
def pipelines(kubeflow: FakePipelines) -> Pipelines:
    return Pipelines(Target(kubeflow.host, timeout_seconds=5))


def test_new_images_are_a_new_version(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), 40).save(tmp_path / name / "one.png")
    trigger = DataTrigger(kind="data", source=f"folder:{tmp_path}")
    before = watch.data(trigger)
    assert watch.data(trigger) == before
    Image.new("L", (8, 8), 90).save(tmp_path / "good" / "two.png")
    assert watch.data(trigger).key != before.key


def _drift(monkeypatch: pytest.MonkeyPatch, code: int, printed: str, said: str = "") -> list[list[str]]:
    """The command as it would be started; its answer is given."""
    started: list[list[str]] = []

    def output(command: list[str]) -> tuple[int, str, str]:
        started.append(command)
        return code, printed, said

    monkeypatch.setattr(worker.CHILDREN, "output", output)
    return started


DRIFT = DriftTrigger(kind="drift", reference="digits", current="folder:/today")


def test_a_drift_report_is_a_sighting_of_the_data_that_drifted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    report = {"current": {"data_hash": "abc"}, "p_value": 0.001, "drifted": True}
    started = _drift(monkeypatch, 3, json.dumps(report))
    seen = watch.drift(DRIFT, tmp_path, Path("params.yaml"))
    assert seen == Sighting("drift:digits:abc", "folder:/today has drifted away from digits (p = 0.001)")
    assert started[0][3:6] == ["data", "drift", "--json"]
    assert started[0][-6:] == ["--reference", "digits", "--current", "folder:/today", "--config", "params.yaml"]


def test_images_that_are_alike_are_no_sighting_and_a_failure_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _drift(monkeypatch, 0, "{}")
    assert watch.drift(DRIFT, tmp_path, None) is None
    _drift(monkeypatch, 2, "", "There is no such folder.\n")
    with pytest.raises(StepFailed, match="ended with 2: There is no such folder"):
        watch.drift(DRIFT, tmp_path, None)


@pytest.mark.slow
def test_the_drift_command_is_understood_as_it_is_started(store: Store) -> None:
    with pytest.raises(StepFailed, match="no-such"):
        watch.drift(DriftTrigger(kind="drift", reference="no-such", current="digits"), store.home, None)


def champion(monkeypatch: pytest.MonkeyPatch, at: datetime | None) -> None:
    class Found:
        production_version, record = 3, 7

        def __init__(self, at: datetime) -> None:
            self.at = at.isoformat()

    monkeypatch.setattr(history, "current", lambda engine, name: Found(at) if at and name == "elpv" else None)


def test_an_old_champion_is_asked_about_once_a_period(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    trigger = AgeTrigger(kind="age", model="elpv", days=90)
    champion(monkeypatch, NOW)
    keys = []
    for days in (0, 89, 90, 100, 179, 180):
        seen = watch.age(trigger, store, NOW + timedelta(days=days))
        keys.append(seen.key if seen else None)
    assert keys[:2] == [None, None]
    assert len(set(keys[2:5])) == 1
    assert keys[5] not in keys[:5]
    champion(monkeypatch, None)
    assert watch.age(trigger, store, NOW) is None


def test_the_newest_success_of_another_pipeline_is_seen(pipelines: Pipelines, kubeflow: FakePipelines) -> None:
    trigger = UpstreamTrigger(kind="upstream", experiment="labelling", run_prefix="labels-")
    with pytest.raises(StepFailed, match="no experiment 'labelling'"):
        watch.upstream(trigger, pipelines)
    experiment = str(pipelines.create_experiment("labelling").experiment_id)
    for number, (name, state) in enumerate(
        [("labels-1", "SUCCEEDED"), ("other-2", "SUCCEEDED"), ("labels-3", "SUCCEEDED"), ("labels-4", "FAILED")]
    ):
        run = {"run_id": f"r{number}", "experiment_id": experiment, "display_name": name, "state": state}
        kubeflow.state.runs[run["run_id"]] = run
    seen = watch.upstream(trigger, pipelines)
    assert seen == Sighting("upstream:r2", "labels-3 has succeeded")


def test_one_triggers_trouble_is_not_the_others(store: Store, pipelines: Pipelines) -> None:
    file = File.model_validate(
        {
            "triggers": {
                "broken": {"kind": "data", "source": "folder:/nowhere"},
                "old": {"kind": "age", "model": "elpv", "days": 90},
                "after": {"kind": "upstream", "experiment": "none"},
                "new": {"kind": "data", "source": "digits"},
                "call": {"kind": "webhook", "secret": "S"},
            }
        }
    )
    results = watch.poll(store, file, None, lambda: pipelines)
    assert isinstance(results["broken"], DfptError)
    assert isinstance(results["after"], DfptError)
    assert (results["old"], results["new"]) == (None, Outcome.BASELINE)
    assert "call" not in results


def ask(store: Store, key: str) -> None:
    file = File.model_validate({"triggers": {"t": {"kind": "age", "model": "m", "days": 1, "cooldown_hours": 0}}})
    assert requests.notice(store, file, "t", Sighting(key, f"because of {key}"))[0] is Outcome.FILED


def test_in_the_cluster_one_request_after_the_other_becomes_a_run(
    store: Store, pipelines: Pipelines, kubeflow: FakePipelines
) -> None:
    started = iter(["r1", "r2"])
    experiment = str(pipelines.create_experiment("e").experiment_id)

    def start(asked: Any, name: str) -> str:
        run_id = next(started)
        kubeflow.state.runs[run_id] = {"run_id": run_id, "experiment_id": experiment, "state": "RUNNING"}
        return run_id

    ask(store, "1")
    ask(store, "2")
    assert (moved := work.in_cluster(store, pipelines, start)) is not None
    assert work.in_cluster(store, pipelines, start) is None  # r1 runs
    kubeflow.state.runs["r1"] |= runs.ended(register="")
    assert (ended := work.in_cluster(store, pipelines, start)) is not None
    assert (ended.id, ended.state, ended.exit_code) == (moved.id, State.FAILED, 3)
    work.in_cluster(store, pipelines, start)
    assert [item.run_id for item in requests.filed(store)] == ["r1", "r2"]


def test_a_request_whose_carrier_died_after_starting_it_becomes_one_run(
    store: Store, pipelines: Pipelines, kubeflow: FakePipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = resolve(None, "smoke", ["data.source=digits"], {})
    package = cli.compiled(config)
    values = submit.parameters(config, package, "hash", "code")

    def start(asked: Any, name: str) -> str:
        return str(submit.submit(pipelines, config, package, values, name).run_id)

    class Died(BaseException):
        """The process ends: nothing below may catch it."""

    def die(*_: object) -> None:
        raise Died

    ask(store, "1")
    with monkeypatch.context() as broken:
        broken.setattr(requests, "name_run", die)
        with pytest.raises(Died):
            work.in_cluster(store, pipelines, start)
    assert (moved := work.in_cluster(store, pipelines, start)) is not None  # by whoever took over
    assert [moved.run_id] == [item.run_id for item in requests.filed(store)] == list(kubeflow.state.runs)
    (run,) = kubeflow.state.runs.values()
    assert run["display_name"].startswith(f"retraining-{moved.id}-")


def test_a_run_that_cannot_be_started_is_a_failed_request_and_a_lost_look_is_none(
    store: Store, pipelines: Pipelines, kubeflow: FakePipelines
) -> None:
    def refuse(asked: Any, name: str) -> str:
        raise StepFailed("the cluster is full")

    ask(store, "1")
    with pytest.raises(StepFailed, match="full"):
        work.in_cluster(store, pipelines, refuse)
    assert [item.state for item in requests.filed(store)] == [State.FAILED]

    ask(store, "2")
    work.in_cluster(store, pipelines, lambda asked, name: "r2")
    kubeflow.faults = [Fault("run_service_get_run", "lost")]
    with pytest.raises(DfptError):
        work.in_cluster(store, pipelines, refuse)
    assert requests.filed(store)[-1].state == State.STARTED


def test_a_start_without_an_answer_is_asked_for_again_under_its_name(store: Store, pipelines: Pipelines) -> None:
    names: list[str] = []

    def silent(asked: Any, name: str) -> str:
        names.append(name)
        if len(names) == 1:
            raise Unreachable("no answer")
        return "r1"

    ask(store, "1")
    with pytest.raises(Unreachable):
        work.in_cluster(store, pipelines, silent)
    moved = work.in_cluster(store, pipelines, silent)
    assert moved is not None
    assert (moved.run_id, names[0] == names[1]) == ("r1", True)


def test_a_run_that_somebody_deleted_has_failed_and_keeps_nobody_waiting(store: Store, pipelines: Pipelines) -> None:
    for key in ("1", "2"):
        ask(store, key)
    work.in_cluster(store, pipelines, lambda asked, name: "not-there")
    work.in_cluster(store, pipelines, lambda asked, name: "not-there")
    assert [(item.state, item.exit_code) for item in requests.filed(store)] == [(State.FAILED, 1), (State.FILED, None)]


def test_a_run_that_somebody_kills_has_failed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(store, "1")
    whole = worker.CHILDREN.start
    killed = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    monkeypatch.setattr(worker.CHILDREN, "start", lambda command, environment: whole(killed, environment))
    work.all_here(store, None)
    assert [item.state for item in requests.filed(store)] == [State.FAILED]


def test_here_a_request_is_run_to_its_end(store: Store) -> None:
    file = File.model_validate(
        {"triggers": {"t": {"kind": "age", "model": "m", "days": 1, "run": {"data": "folder:/nowhere"}}}}
    )
    requests.notice(store, file, "t", Sighting("1", "too old"))
    work.all_here(store, None)
    (ended,) = requests.filed(store)
    assert (ended.state, ended.exit_code) == (State.FAILED, 2)


def test_a_run_that_was_ended_with_the_scheduler_is_not_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends as a run does that was interrupted, and goes on with the next scheduler."""
    ask(store, "1")
    whole = worker.CHILDREN.start

    def ending(command: list[str], environment: dict[str, str]) -> Any:
        started = whole([sys.executable, "-c", "raise SystemExit(1)"], environment)
        monkeypatch.setattr(worker.CHILDREN, "_closed", True)
        return started

    monkeypatch.setattr(worker.CHILDREN, "start", ending)
    work.all_here(store, None)
    assert [item.state for item in requests.filed(store)] == [State.STARTED]
    assert [item.id for item in requests.give_back(store)] == [1]


def test_of_several_watchers_one_looks_until_it_ends_and_then_another_does(database: str, tmp_path: Path) -> None:
    stores = [open_tables(tmp_path / "home") for _ in range(2)]
    looked: list[list[float]] = [[], []]
    heard = [threading.Event(), threading.Event()]
    endings = [threading.Event(), threading.Event()]
    said = io.StringIO()
    log = logs.configure("triggers", said)

    def watcher(number: int) -> threading.Thread:
        def look() -> None:
            looked[number].append(time.monotonic())
            if len(looked[number]) == 3:
                heard[number].set()

        lease = Lease(stores[number], LOOKS, 1.5)
        return threading.Thread(target=server.look, args=(lease, [look], 0.05, endings[number], log))

    first, second = watcher(0), watcher(1)
    first.start()
    assert heard[0].wait(30)
    second.start()
    assert not heard[1].wait(2.5)  # longer than the lease lasts
    assert looked[1] == []
    endings[0].set()
    first.join()
    assert heard[1].wait(30)
    assert looked[0][-1] < looked[1][0]
    endings[1].set()
    second.join()
    logging.getLogger().handlers[:] = []
    assert "standing by" in said.getvalue()
    for store in stores:
        store.engine.dispose()
