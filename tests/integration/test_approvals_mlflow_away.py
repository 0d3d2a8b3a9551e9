"""A real MLflow server that is away, slow or broken: the service says what it waits for, and loses nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfpt.approvals import worker
from dfpt.bench.approvals import candidates
from dfpt.cli import up
from dfpt.registry import aliases, audit, handle, reconcile, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import State
from dfpt.registry.handle import Registry
from tests.approvals_service import Desk, Open, problem
from tests.faulty_proxy import FaultyProxy

pytest_plugins = "tests.approvals_service"

REASON = {"reason": "looked at every miss"}
MODES = ["away", "slow", "500"]
APPROVE = "/api/v1/models/elpv/versions/{}/approve"
ADMIN = Actor("carol", "carol")


@pytest.fixture
def proxy(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """Before a real server on the database of ``home``; the service is sent to the proxy."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setattr(up, "_START_SECONDS", 240.0)
    with up._mlflow(f"sqlite:///{home / 'mlflow.db'}", home, port):
        found = FaultyProxy(port)
        with found.running() as url:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
            monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
            monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
            yield found


@pytest.fixture
def desk(proxy: FaultyProxy, open_desk: Open) -> Desk:
    return open_desk(retry_seconds=5)


def direct(home: Path) -> Registry:
    """Past the server."""
    return handle.open_registry(home, f"sqlite:///{home / 'mlflow.db'}")


def submit(desk: Desk, weights: bytes) -> int:
    return candidates.submit(direct(desk.registry.home), "elpv", weights, desk.actor("rita")).version


def state(desk: Desk, version: int) -> str:
    found = requests.latest(desk.registry.engine, "elpv", version)
    assert found is not None
    return found.state


def agree(desk: Desk, champion: int) -> None:
    assert audit.verify(desk.registry.store).intact
    assert aliases.pointed_at(desk.registry.client, "elpv")["champion"] == champion
    assert reconcile.reconcile(desk.registry, ADMIN) == []


@pytest.mark.slow
def test_the_service_waits_says_so_and_finishes_what_was_decided(desk: Desk, proxy: FaultyProxy) -> None:
    """One story on one server, because a server takes long to start."""
    bob, first, second, third = desk.program("bob"), *(submit(desk, weights) for weights in (b"1", b"2", b"3"))
    proxy.set("pass")
    worker.look(desk.app.state.service)
    assert desk.anybody().get("/health/ready").json()["registry"] == "ok"
    assert bob.post(APPROVE.format(first), json=REASON).json()["shown"]["state"] == "promoted"
    agree(desk, 1)

    for mode in MODES:  # away from the start: nothing is decided, and what needs no MLflow works
        proxy.set(mode)
        desk.app.state.service.mlflow_answers = True
        worker.look(desk.app.state.service)
        answer = bob.post(APPROVE.format(second), json=REASON)
        assert (problem(answer), answer.headers["retry-after"]) == ("waiting", "5"), mode
        assert state(desk, second) == State.PENDING
        assert problem(bob.get("/api/v1/models")) == "waiting"
        assert problem(bob.post("/api/v1/models/elpv/rollback", json=REASON)) == "waiting"
        assert bob.get("/api/v1/requests?state=pending").json()[0]["version"] == second
        assert len(bob.get("/api/v1/models/elpv/history").json()) == 1
        ready = desk.anybody().get("/health/ready")
        assert (ready.status_code, ready.json()["registry"]) == (200, "waiting")

    cuts = ["runs/create", "model-versions/create", "registered-models/alias"]
    for number, (mode, cut) in enumerate(zip(MODES, cuts, strict=True), start=2):  # away in the middle
        version = second if number == 2 else third if number == 3 else submit(desk, b"4")
        proxy.set("pass", until=cut, then=mode)
        answer = bob.post(APPROVE.format(version), json=REASON)
        assert (answer.status_code, answer.json()["waiting"]) == (202, True), (mode, answer.text)
        assert answer.headers["retry-after"] == "5"
        assert state(desk, version) == State.APPROVED
        with pytest.raises(Exception, match=r"."):
            worker.sweep(desk.app.state.service)  # too early: nothing changes
        assert state(desk, version) == State.APPROVED
        proxy.set("pass")

        assert worker.sweep(desk.app.state.service).finished == ["elpv"]

        assert state(desk, version) == State.PROMOTED
        log = [record.action for record in requests.log(desk.registry.engine, "elpv", version)]
        assert log == ["requested", "approved", "promoted"]
        agree(desk, number)
    assert len(desk.registry.client.search_model_versions("name = 'elpv-production'")) == 4

    proxy.set("pass", until="registered-models/alias", then="away")  # a rollback cut off in the middle
    assert problem(bob.post("/api/v1/models/elpv/rollback", json=REASON | {"to": 1})) == "waiting"
    proxy.set("pass", until="model-versions/get?", then="500")  # and once more while it is finished
    with pytest.raises(Exception, match=r"."):
        worker.sweep(desk.app.state.service)
    proxy.set("pass")
    worker.sweep(desk.app.state.service)
    agree(desk, 1)
    assert [one["how"] for one in bob.get("/api/v1/models/elpv/history").json()] == [*["promoted"] * 4, "rolled back"]


def test_without_any_mlflow_the_log_is_read_and_the_rest_waits(
    home: Path, open_desk: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates.submit(direct(home), "elpv", b"1", Actor("rita", "rita"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    desk = open_desk()
    bob = desk.program("bob")

    answer = bob.post(APPROVE.format(1), json=REASON)

    assert (problem(answer), answer.headers["retry-after"]) == ("waiting", "10")
    assert answer.json()["exit_code"] == 1
    assert state(desk, 1) == State.PENDING
    assert bob.get("/api/v1/requests").json()[0]["state"] == "pending"
    assert desk.anybody().get("/health/ready").json()["registry"] == "waiting"
    assert bob.post("/api/v1/models/elpv/versions/1/approve", json=REASON | {"dry_run": True}).status_code == 503
