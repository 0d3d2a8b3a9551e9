"""A real service process killed in the middle of a promotion: the next one finishes it, once, and all agree."""

from __future__ import annotations

import signal
import socket
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx
import pytest

from dfpt.approvals import worker
from dfpt.registry import aliases, audit, requests
from dfpt.registry.database import State
from tests.approvals_service import Desk, Open
from tests.counts import Count
from tests.integration.test_registry_faults import PROMOTION, agree, count, owner
from tests.unit.registry import processes

pytest_plugins = ("tests.approvals_service", "tests.unit.registry.databases")

REASON = {"reason": "looked at every miss"}
APPROVE = "/api/v1/models/elpv/versions/{}/approve"
POLICY = "four_eyes: true"
START_SECONDS = 240.0


def serve_and_die(home: Path, port: int, point: str, when: str) -> None:
    """The service, which is killed as soon as it comes to the point."""
    from dfpt.approvals import settings
    from dfpt.approvals.server import serve

    processes.die_at(*owner(point), when)
    serve(settings.load(home, port=port))


def answers(process: ForkServerProcess, port: int) -> bool:
    """Wait until the process that was just started answers; a busy machine takes its time."""
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client() as client:
        while process.is_alive() and time.monotonic() < deadline:
            try:
                return client.get(f"http://127.0.0.1:{port}/health/live", timeout=5).status_code == 200
            except httpx.TransportError:
                process.join(0.1)
    return False


@pytest.mark.slow
@pytest.mark.parametrize(("point", "when"), PROMOTION)
def test_a_service_killed_in_a_promotion_is_finished_by_the_next(
    database: str, home: Path, open_desk: Open, point: str, when: str, counted: Count
) -> None:
    desk = open_desk(POLICY)
    bob = desk.program("bob")
    assert bob.post(APPROVE.format(desk.submit().version), json=REASON).status_code == 200
    for _ in range(2):
        desk.submit()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = processes.start(serve_and_die, home, port, point, when)
    assert answers(process, port)

    with pytest.raises(httpx.TransportError), httpx.Client(headers=dict(bob.headers), timeout=60) as client:
        client.post(f"http://127.0.0.1:{port}{APPROVE.format(3)}", json=REASON)

    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    registry = desk.registry
    broken = audit.verify(registry.store)
    assert broken.intact, broken.problem
    assert aliases.pointed_at(registry.client, "elpv")["champion"] in (1, 2)
    decided = state(desk, 3)
    assert decided in (State.PENDING, State.APPROVED, State.PROMOTED)

    again = open_desk(POLICY)  # the next process, and what its worker does as it starts
    worker.sweep(again.app.state.service)

    if decided == State.PENDING:  # nothing had been written down, so nothing was decided
        assert state(again, 3) == State.PENDING
        assert bob.post(APPROVE.format(3), json=REASON).status_code == 200
    assert state(again, 3) == State.PROMOTED
    assert [count(registry, 3, action) for action in ("requested", "approved", "promoted")] == [1, 1, 1]
    assert [record.action for record in requests.log(registry.engine, "elpv", 2)] == ["requested", "superseded"]
    assert len(registry.client.search_model_versions("name = 'elpv-production'")) == 2
    agree(registry, 2, 1)
    counted(services_killed=1, promotions_finished_once=1, of_them_not_yet_decided=int(decided == State.PENDING))


def state(desk: Desk, version: int) -> str:
    found = requests.latest(desk.registry.engine, "elpv", version)
    assert found is not None
    return str(found.state)
