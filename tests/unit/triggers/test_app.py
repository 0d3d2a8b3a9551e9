"""The receiver: only a right signature is heard, once, and nothing comes out but JSON and figures."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from dfpt import logs
from dfpt.registry import audit
from dfpt.registry.store import Store
from dfpt.schedules.file import File
from dfpt.triggers import requests, signature
from dfpt.triggers.app import create_app
from dfpt.triggers.tables import open_tables

SECRET = "It's a Secret to Everybody"
BODY = json.dumps({"id": 1, "reason": "labels\nare  done"}).encode()
FILE = File.model_validate(
    {
        "triggers": {
            "call": {"kind": "webhook", "secret": "LABELS_SECRET", "cooldown_hours": 1},
            "bare": {"kind": "webhook", "secret": "NOT_SET"},
            "old": {"kind": "age", "model": "elpv", "days": 90},
        }
    }
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_tables(tmp_path / "home")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def client(store: Store) -> TestClient:
    return TestClient(create_app(store, FILE, {"LABELS_SECRET": SECRET}), raise_server_exceptions=False)


def call(client: TestClient, name: str = "call", body: bytes = BODY, signed: str | None = None) -> tuple[int, str]:
    """The status, and the outcome or the detail."""
    headers = {signature.HEADER: signature.sign(SECRET, body) if signed is None else signed}
    answer = client.post(f"/hooks/{name}", content=body, headers=headers)
    said = answer.json()
    return answer.status_code, said.get("outcome") or said["detail"]


def test_the_signature_is_githubs() -> None:
    # The example of GitHub's documentation on validating webhook deliveries.
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signature.sign(SECRET, b"Hello, World!") == expected


def test_a_signed_call_files_a_request_that_the_log_shows(client: TestClient, store: Store) -> None:
    assert call(client) == (202, "filed")
    (filed,) = requests.filed(store)
    assert filed.reason == "called from outside: labels are done"
    assert audit.verify(store).records == 1


def test_a_replay_files_nothing(client: TestClient, store: Store) -> None:
    call(client)
    assert call(client) == (200, "duplicate")
    assert call(client, body=BODY + b" ") == (200, "cool-down")
    assert call(client, body=BODY + b" ") == (200, "duplicate")
    assert len(requests.filed(store)) == 1


@pytest.mark.parametrize(
    "signed",
    [
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest(),
        hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest(),
        signature.sign("another", BODY),
        signature.sign(SECRET, BODY + b"x"),
        signature.sign("", BODY),
        "sha256=ü",
    ],
)
def test_what_is_not_signed_is_not_heard(client: TestClient, store: Store, signed: str) -> None:
    answer = client.post("/hooks/call", content=BODY, headers={signature.HEADER: signed.encode("latin-1")})
    assert answer.status_code == 401
    assert requests.filed(store) == []


def test_a_webhook_without_a_secret_hears_nobody(client: TestClient) -> None:
    assert call(client, "bare", signed=signature.sign("", BODY))[0] == 503
    assert not signature.is_right("", BODY, signature.sign("", BODY))


@pytest.mark.parametrize("name", ["none", "old", "..%2fmetrics"])
def test_only_webhooks_can_be_called(client: TestClient, name: str) -> None:
    assert client.post(f"/hooks/{name}", content=BODY).status_code == 404


def test_a_call_that_is_too_long_is_not_read_to_its_end(client: TestClient, store: Store) -> None:
    assert call(client, body=b"x" * ((64 << 10) + 1))[0] == 413
    assert requests.filed(store) == []


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[1]", b'{"reason": {"a": 1}}'])
def test_whatever_is_signed_is_heard(client: TestClient, store: Store, body: bytes) -> None:
    assert call(client, body=body) == (202, "filed")
    assert requests.filed(store)[0].reason == "called from outside"


def test_probes_tell_the_process_from_the_database(client: TestClient, store: Store) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200
    (store.home / "registry.db").unlink()
    store.engine.dispose()
    (store.home / "registry.db").mkdir()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/metrics").status_code == 503
    assert call(client)[0] == 503


def test_metrics_count_what_was_asked_for_and_what_was_not(client: TestClient) -> None:
    call(client)
    call(client, body=b"another")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }
    assert found["dfpt_retraining_requests", "filed", "call"] == 1
    assert found["dfpt_trigger_sightings", "filed", "call"] == 1
    assert found["dfpt_trigger_sightings", "cool-down", "call"] == 1
    assert found["dfpt_retraining_oldest_timestamp_seconds",] > 1.7e9


def test_the_log_is_a_json_object_a_line_with_the_run_it_is_about() -> None:
    stream = io.StringIO()
    log = logs.configure("triggers", stream)
    with logs.about(run_id="nightly-1"):
        log.info("run started", why="schedule\nnightly")
    import logging

    logging.getLogger("somebody.else").warning("%s of theirs", "a line")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["event"], first["run_id"], first["logger"]) == ("run started", "nightly-1", "dfpt.triggers")
    assert (second["event"], second["level"]) == ("a line of theirs", "warning")
    assert "run_id" not in second
    logging.getLogger().handlers[:] = []
