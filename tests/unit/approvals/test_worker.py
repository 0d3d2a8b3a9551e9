"""The service does by itself what nobody asks for, whatever the policy says of the name it does it under."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from dfpt.approvals.worker import Worker
from dfpt.registry import requests
from dfpt.registry.database import Request
from tests.approvals_service import Open

pytest_plugins = "tests.approvals_service"


def test_it_sweeps_as_it_starts(open_desk: Open) -> None:
    desk = open_desk(sweep_seconds=3600)
    request = desk.submit()
    with desk.registry.store.writing() as log:
        long_ago = datetime.now(UTC) - timedelta(days=31)
        log.session.execute(update(Request).values(requested_at=long_ago))

    with Worker(desk.app.state.service):
        pass

    found = requests.latest(desk.registry.engine, "elpv", request.version)
    assert found is not None
    assert found.state == "expired"


def test_what_goes_wrong_once_does_not_end_it(open_desk: Open) -> None:
    desk = open_desk(sweep_seconds=1)
    desk.submit()
    policy = desk.registry.home / "approvals.yaml"
    good = policy.read_text()
    policy.write_text("quorm: 2\n")
    running = Worker(desk.app.state.service)

    with running:
        policy.write_text(good)

    assert not running._thread.is_alive()
