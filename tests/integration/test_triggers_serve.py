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
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from dfpt.cli.triggers import app
from dfpt.registry import audit
from dfpt.registry.store import open_store
from dfpt.triggers import signature

_LIMIT_SECONDS = 90.0
FILE = {
    "triggers": {
        "call": {"kind": "webhook", "secret": "LABELS_SECRET", "run": {"data": "digits", "profile": "smoke"}},
        "new": {"kind": "data", "source": "digits"},
    }
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.yaml"
    path.write_text(yaml.safe_dump(FILE))
    return path


def test_a_signed_call_reaches_the_list_and_the_log(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELS_SECRET", "secret")
    home = tmp_path / "home"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "dfpt.cli.main", "triggers", "serve", "--port", port]
    command += ["--file", str(path), "--home", str(home)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(_LIMIT_SECONDS, process.kill)
    watchdog.start()
    try:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(json.loads(line))
            if "Uvicorn running" in lines[-1]["event"]:
                break
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
        rest = [json.loads(line) for line in process.stderr]
        assert process.wait(30) in (0, -signal.SIGTERM)
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
    assert any(line["event"] == "webhook" and line["outcome"] == "filed" for line in rest)

    listed = CliRunner().invoke(app, ["list", "--home", str(home), "--json"], catch_exceptions=False)
    (row,) = json.loads(listed.stdout)
    assert (row["trigger"], row["state"], row["run"]["data"]) == ("call", "filed", "digits")
    assert "labels are done" in CliRunner().invoke(app, ["list", "--home", str(home)]).stdout
    assert audit.verify(open_store(home)).intact


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
