"""Told by a real HTTP server on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dfpt.cluster import notify
from dfpt.errors import DataRefused, StepFailed, UsageError
from dfpt.registry.notifications import signature
from dfpt.runtime import attempts, trouble

TOLD = {"run": "dfpt-retraining-abc", "state": "succeeded"}


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent; answers with the codes of ``answers``, then 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int] = []
        self.heard: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?token=secret"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((dict(self.headers), body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(attempts.RUN, "dfpt-retraining-abc")


def leave(step: str, error: Any) -> None:
    path = attempts.note(step)
    assert path
    trouble.leave(path, step, error)


def test_a_failed_run_is_told_with_the_steps_own_reason_and_a_signature(
    receiver: Receiver, run: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leave("distil", StepFailed("distil: the disk is full at /var/lib/dfpt.", "Free space there."))
    monkeypatch.setenv(notify.URL, receiver.url)
    monkeypatch.setenv(notify.KEY, "key")
    notify.tell("FAILED", "projects/1", "task distil failed")
    headers, body = receiver.heard[0]
    stamp = headers["X-Dfpt-Timestamp"]
    assert signature.verify("key", body, stamp, headers["X-Dfpt-Signature"], time.time())
    assert headers["X-Dfpt-Delivery"] == "dfpt-retraining-abc-failed"
    assert not signature.verify("another", body, stamp, headers["X-Dfpt-Signature"], time.time())
    assert json.loads(body) == {
        "run": "dfpt-retraining-abc",
        "state": "failed",
        "text": "distil: distil: the disk is full at /var/lib/dfpt.",
        "step": "distil",
        "remedy": "Free space there.",
        "exit_code": 1,
    }
    assert "the disk is full" in capsys.readouterr().out


def test_data_that_is_refused_is_told_as_a_refusal_and_the_first_step_gives_the_reason(run: None) -> None:
    leave("evaluate", StepFailed("later"))
    leave("validate", DataRefused("An empty class."))
    told = notify.message("FAILED", "r", "", attempts.errors())
    assert (told["state"], told["step"], told["exit_code"]) == ("refused", "validate", 3)


def test_where_no_step_left_a_reason_the_engines_word_is_told() -> None:
    assert notify.message("FAILED", "r", "OOMKilled", {})["text"] == "OOMKilled"
    assert "look at the log" in notify.message("FAILED", "r", "", {})["text"]
    assert notify.message("SUCCEEDED", "r", "", {"distil": UsageError("mended by a retry")})["state"] == "succeeded"


def test_a_receiver_in_trouble_is_told_again_and_one_that_refuses_is_not(receiver: Receiver) -> None:
    waited: list[float] = []
    receiver.answers = [503, 429]
    assert notify.post(receiver.url, TOLD, "", waited.append) is None
    assert (len(receiver.heard), waited) == (3, [1.0, 2.0])
    receiver.answers = [401]
    assert notify.post(receiver.url, TOLD, "", waited.append) == "it answered 401"
    assert len(receiver.heard) == 4
    assert "X-Dfpt-Signature" not in receiver.heard[-1][0]


def test_a_receiver_does_not_send_us_elsewhere(receiver: Receiver) -> None:
    receiver.answers = [302]
    assert notify.post(receiver.url, TOLD, "") == "it answered 302"
    assert len(receiver.heard) == 1


def test_a_receiver_that_is_gone_fails_no_run_and_its_secret_is_not_logged(
    run: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(notify, "_ATTEMPTS", 1)
    monkeypatch.setenv(notify.URL, "http://127.0.0.1:9/hook?token=secret")
    notify.tell("SUCCEEDED", "r", "")
    said = capsys.readouterr().out
    assert "127.0.0.1 was not told" in said
    assert "secret" not in said


def test_no_other_kind_of_url_is_opened(tmp_path: Path) -> None:
    assert notify.post(f"file://{tmp_path}", TOLD, "") == "DFPT_NOTIFY_URL is no http or https URL"
