"""``dfpt triggers`` as it is typed: the receiver as a process, a look, the list."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from dfpt.cli.triggers import app
from dfpt.registry import audit, signing
from dfpt.registry.store import open_store
from dfpt.triggers import signature
from tests.fake_kfp import runs
from tests.fake_kfp.server import FakePipelines

_LIMIT_SECONDS = 300.0
FILE: dict[str, Any] = {
    "triggers": {
        "call": {"kind": "webhook", "secret": "LABELS_SECRET", "run": {"data": "digits", "profile": "smoke"}},
        "new": {"kind": "data", "source": "digits"},
    }
}


pytest_plugins = ("tests.fake_kfp.plugin", "tests.unit.registry.databases")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.yaml"
    path.write_text(yaml.safe_dump(FILE))
    return path


@contextmanager
def serving(home: Path, path: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "dfpt.cli.main", "triggers", "serve", "--port", port]
    command += ["--file", str(path), "--home", str(home), *more]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(_LIMIT_SECONDS, process.kill)
    watchdog.start()
    try:
        yield process, port
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()


def until(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    """The next line of the log whose event holds ``event``."""
    assert process.stderr is not None
    for line in process.stderr:
        said: dict[str, Any] = json.loads(line)
        if event in said["event"]:
            return said
    raise AssertionError(f"it ended without {event!r}")


def call(port: str, number: int) -> int:
    """A signed call, as soon as it is received; the request that it files."""
    for _ in range(1000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                break
        threading.Event().wait(0.05)
    body = json.dumps({"id": number}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/hooks/call", body, method="POST")
    request.add_header(signature.HEADER, signature.sign("secret", body))
    filed: int = json.load(urllib.request.urlopen(request, timeout=30))["request"]
    return filed


def test_a_signed_call_reaches_the_list_and_the_log(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELS_SECRET", "secret")
    home = tmp_path / "home"
    with serving(home, path) as (process, port):
        until(process, "Uvicorn running")
        body = b'{"id": 7, "reason": "labels are done"}'
        request = urllib.request.Request(f"http://127.0.0.1:{port}/hooks/call", body, method="POST")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(request, timeout=10)
        request.add_header(signature.HEADER, signature.sign("secret", body))
        answer = urllib.request.urlopen(request, timeout=10)
        assert (answer.status, json.load(answer)) == (202, {"outcome": "filed", "request": 1})
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
        assert 'dfpt_retraining_requests{state="filed",trigger="call"} 1.0' in metrics
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        rest = [json.loads(line) for line in process.stderr]
        assert process.wait(30) in (0, -signal.SIGTERM)
    assert any(line["event"] == "webhook" and line["outcome"] == "filed" for line in rest)

    listed = CliRunner().invoke(app, ["list", "--home", str(home), "--json"], catch_exceptions=False)
    (row,) = json.loads(listed.stdout)
    assert (row["trigger"], row["state"], row["run"]["data"]) == ("call", "filed", "digits")
    assert "labels are done" in CliRunner().invoke(app, ["list", "--home", str(home)]).stdout
    assert audit.verify(open_store(home)).intact


@pytest.mark.slow
def test_of_two_that_share_a_database_one_submits_and_the_other_takes_over_when_it_is_killed(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kubeflow: FakePipelines
) -> None:
    """Both receive calls; on PostgreSQL each machine has a state folder of its own."""
    monkeypatch.setenv("LABELS_SECRET", "secret")
    monkeypatch.setenv("DFPT_CLUSTER__HOST", kubeflow.host)
    path = tmp_path / "schedules.yaml"
    webhook = FILE["triggers"]["call"] | {"cooldown_hours": 0}
    path.write_text(yaml.safe_dump({"triggers": {"call": webhook}}))
    homes = [tmp_path / name for name in (("one", "other") if database == "postgresql" else ("one", "one"))]
    signing.key(tmp_path)
    monkeypatch.setenv(signing.VARIABLE, (tmp_path / signing.FILE).read_text())  # as machines that share a log do
    options = ("--submit", "--every", "1", "--lease", "6")
    with serving(homes[0], path, *options) as (first, _):
        until(first, "at work")
        with serving(homes[1], path, *options) as (second, port):
            until(second, "standing by")
            assert call(port, 1) == 1  # who stands by receives too
            carried = until(first, "retraining")
            assert (carried["request"], carried["state"], carried["run_id"]) == (1, "started", *kubeflow.state.runs)
            first.kill()
            kubeflow.state.runs[carried["run_id"]] |= runs.ended()
            assert call(port, 2) == 2
            until(second, "at work")
            ended, started = until(second, "retraining"), until(second, "retraining")
            assert (ended["request"], ended["exit_code"], ended["run_id"]) == (1, 4, carried["run_id"])
            assert (started["request"], started["state"]) == (2, "started")
            assert list(kubeflow.state.runs) == [carried["run_id"], started["run_id"]]


def test_one_look_says_what_it_saw(path: Path, tmp_path: Path) -> None:
    command = ["poll", "--file", str(path), "--home", str(tmp_path / "home"), "--json"]
    first, second = (CliRunner().invoke(app, command, catch_exceptions=False) for _ in range(2))
    assert (json.loads(first.stdout), first.exit_code) == ({"new": "baseline"}, 0)
    assert json.loads(second.stdout) == {"new": "duplicate"}


def test_what_cannot_be_looked_at_ends_with_one_and_says_so(path: Path, tmp_path: Path) -> None:
    path.write_text(yaml.safe_dump({"triggers": {"new": {"kind": "data", "source": "folder:/nowhere"}}}))
    done = CliRunner().invoke(app, ["poll", "--file", str(path), "--home", str(tmp_path / "home")])
    assert done.exit_code == 1
    assert "not looked at" in done.stdout
