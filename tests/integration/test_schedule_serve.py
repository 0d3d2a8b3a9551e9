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

_LIMIT_SECONDS = 300.0


@contextmanager
def serving(home: Path, path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "dfpt.cli.main", "schedule", "serve", "--file", str(path), "--home", str(home)]
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
    clock.synchronise(running, read(path), home, Path("params.yaml"))
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
        assert process.stderr is not None
        rest = [json.loads(line)["event"] for line in process.stderr]
        assert process.wait(30) == 0
    assert missed["job"] == "schedule:nightly"
    assert rest[-2:] == ["ending", "ended"]
    assert "run started" not in rest


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


def test_two_at_once_on_one_state_folder_are_refused(tmp_path: Path) -> None:
    path = declare(tmp_path / "schedules.yaml", nightly={"cron": "0 30 1 1 1 *"})
    with serving(tmp_path / "home", path) as first:
        until(first, "serving")
        with serving(tmp_path / "home", path) as second:
            _, said = second.communicate(timeout=60)
            assert second.returncode == 1
            assert "at work" in said
