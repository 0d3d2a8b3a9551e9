"""``dfpt schedule serve`` as a process: it runs the pipeline when the time has come, and ends cleanly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from dfpt.registry.store import open_store
from dfpt.schedules import clock
from dfpt.schedules.file import read
from tests.unit.schedules.test_clock import make_due

pytest_plugins = "tests.unit.registry.databases"

_LIMIT_SECONDS = 300.0


@contextmanager
def serving(home: Path, path: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "dfpt.cli.main", "schedule", "serve", "--file", str(path), "--home", str(home)]
    command += more
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(_LIMIT_SECONDS, process.kill)
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()


def until(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    """The next line of the log about ``event``."""
    assert process.stderr is not None
    for line in process.stderr:
        said: dict[str, Any] = json.loads(line)
        if said["event"] == event:
            return said
    raise AssertionError(f"it ended without {event!r}")


def declare(path: Path, **schedules: Any) -> Path:
    path.write_text(yaml.safe_dump({"schedules": schedules}, sort_keys=False))
    return path


def overdue(home: Path, path: Path, by: timedelta) -> None:
    """As a scheduler left it that has been away since a time that has passed."""
    store = open_store(home)
    running = clock.scheduler(store.engine)
    running.start(paused=True)
    clock.synchronise(running, read(path))
    running.shutdown()
    make_due(store, datetime.now(UTC) - by)
    store.engine.dispose()


def test_a_run_is_started_at_its_time_with_the_files_options_and_its_end_is_logged(tmp_path: Path) -> None:
    run = {"data": "folder:/nowhere", "profile": "smoke"}  # it fails at once, which a run may
    path = declare(tmp_path / "schedules.yaml", nightly={"cron": "0 30 1 1 1 *", "run": run})
    home = tmp_path / "home"
    overdue(home, path, timedelta(seconds=1))
    with serving(home, path) as process:
        started = until(process, "run started")
        ended = until(process, "run ended")
        process.send_signal(signal.SIGTERM)
        until(process, "ended")
        assert process.wait(30) == 0
    assert started["run_id"] == ended["run_id"]
    assert started["run_id"].startswith("nightly-")
    assert (ended["exit_code"], ended["outcome"], ended["level"]) == (2, "failed", "error")


def test_a_time_that_was_missed_is_not_caught_up(tmp_path: Path) -> None:
    path = declare(tmp_path / "schedules.yaml", nightly={"cron": "0 30 1 1 1 *"})
    home = tmp_path / "home"
    overdue(home, path, timedelta(hours=3))
    with serving(home, path) as process:
        missed = until(process, "missed, not caught up")
        process.send_signal(signal.SIGTERM)
        said = rest(process)
        assert process.wait(30) == 0
    assert missed["job"] == "schedule:nightly"
    assert said[-2:] == ["ending", "ended"]
    assert "run started" not in said


@pytest.mark.slow
def test_a_run_is_ended_with_the_scheduler_and_can_go_on(tmp_path: Path) -> None:
    run = {"data": "digits", "profile": "smoke"}
    path = declare(tmp_path / "schedules.yaml", nightly={"cron": "0 30 1 1 1 *", "run": run})
    home = tmp_path / "home"
    overdue(home, path, timedelta(seconds=1))
    with serving(home, path) as process:
        pid = until(process, "run started")["pid"]
        process.send_signal(signal.SIGTERM)
        assert until(process, "run ended")["exit_code"] != 4
        until(process, "ended")
        assert process.wait(30) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def rest(process: subprocess.Popen[str]) -> list[str]:
    """What it goes on to log, to its end."""
    assert process.stderr is not None
    return [json.loads(line)["event"] for line in process.stderr]


def gone(pid: int) -> bool:
    """Whether the process ends; it may be at its last words."""
    for _ in range(600):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        threading.Event().wait(0.1)
    return False


def test_of_two_that_share_a_database_one_runs_and_the_other_takes_over_when_it_is_killed(
    database: str, tmp_path: Path
) -> None:
    """On SQLite they share the state folder, on PostgreSQL each machine has its own."""
    run = {"data": "digits", "profile": "smoke", "set": ["teacher.recipe.epochs=5000"]}  # for hours
    path = declare(tmp_path / "schedules.yaml", nightly={"cron": "0 30 1 1 1 *", "run": run})
    homes = [tmp_path / name for name in (("one", "other") if database == "postgresql" else ("one", "one"))]
    overdue(homes[0], path, timedelta(seconds=1))
    with serving(homes[0], path, "--lease", "5") as first:
        run_of_first = until(first, "run started")
        with serving(homes[1], path, "--lease", "5") as second:
            assert until(second, "standing by")["at_work"].split(":")[1] == str(first.pid)
            first.kill()
            assert "run started" not in rest(first)
            store = open_store(homes[1])
            make_due(store, datetime.now(UTC) - timedelta(seconds=1))  # while nobody is at work
            store.engine.dispose()
            run_of_second = until(second, "run started")
            assert run_of_second["run_id"] != run_of_first["run_id"]
            assert gone(run_of_first["pid"])  # a run ends with the scheduler that started it
            second.send_signal(signal.SIGTERM)
            assert "run started" not in rest(second)
            assert second.wait(60) == 0


def test_a_time_that_comes_to_two_at_once_is_run_once(database: str, tmp_path: Path) -> None:
    path = declare(tmp_path / "schedules.yaml", nightly={"cron": "0 30 1 1 1 *", "run": {"data": "folder:/nowhere"}})
    homes = [tmp_path / name for name in (("one", "other") if database == "postgresql" else ("one", "one"))]
    overdue(homes[0], path, timedelta(seconds=1))
    with serving(homes[0], path, "--lease", "12") as first, serving(homes[1], path, "--lease", "12") as second:
        said: dict[int, dict[str, Any]] = {}

        def watch(process: subprocess.Popen[str]) -> None:
            assert process.stderr is not None
            for line in process.stderr:
                found = json.loads(line)
                if found["event"] in ("run ended", "standing by"):
                    said[process.pid] = found
                    return

        threads = [threading.Thread(target=watch, args=(process,)) for process in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found["event"] for found in said.values()) == ["run ended", "standing by"]
        at_work, waiting = (first, second) if said[first.pid]["event"] == "run ended" else (second, first)
        at_work.send_signal(signal.SIGTERM)
        assert rest(at_work)[-2:] == ["ending", "ended"]
        until(waiting, "serving")  # at once: the lease was given up, not waited for
        waiting.send_signal(signal.SIGTERM)
        assert "run started" not in rest(waiting)
        assert waiting.wait(30) == 0
