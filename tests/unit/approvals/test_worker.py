"""The service does by itself what nobody asks for, whatever the policy says of the name it does it under."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from dfpt.approvals.worker import Worker, compare, reserve
from dfpt.registry import aliases, promotion, reconcile, reservation
from dfpt.registry import requests as wishes
from dfpt.registry.database import Notification, Record, Request
from dfpt.registry.errors import LogDamaged
from tests.approvals_service import ROLES, Desk, Open
from tests.unit.registry.tampering import tamper
from tests.waiting import until

pytest_plugins = "tests.approvals_service"


def test_it_sweeps_as_it_starts(open_desk: Open) -> None:
    desk = open_desk(sweep_seconds=3600)
    request = desk.submit()
    with desk.registry.store.writing() as log:
        long_ago = datetime.now(UTC) - timedelta(days=31)
        log.session.execute(update(Request).values(requested_at=long_ago))

    with Worker(desk.app.state.service):
        pass

    found = wishes.latest(desk.registry.engine, "elpv", request.version)
    assert found is not None
    assert found.state == "expired"
    assert desk.registry.client.get_registered_model("elpv-production").latest_versions == []  # no trainer makes it now


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


def two_promotions(desk: Desk) -> None:
    for _ in range(2):
        promotion.approve(desk.registry, "elpv", desk.submit().version, desk.actor("bob"), "looked at every miss")


def move_the_champion(desk: Desk, version: str = "1") -> None:
    desk.registry.client.set_registered_model_alias("elpv-production", "champion", version)


def written(desk: Desk) -> list[str]:
    with desk.registry.store.reading() as session:
        query = select(Record).where(Record.action == reconcile.RECONCILED).order_by(Record.seq)
        return [f"{record.actor}: {record.reason}" for record in session.scalars(query)]


def alarms(desk: Desk) -> int:
    with desk.registry.store.reading() as session:
        return len(session.scalars(select(Notification).where(Notification.event == "tamper")).all())


def test_production_is_made_for_every_model_that_was_asked_about(open_desk: Open) -> None:
    desk = open_desk()
    client = desk.registry.client
    for name in ("bolts", "elpv"):
        desk.submit(name=name)
    client.create_registered_model("bolts-production")  # somebody was quicker

    reserve(desk.app.state.service)

    tags = {model.name: set(model.tags) for model in client.search_registered_models()}
    assert tags["elpv-production"] == {reservation.TAG}
    assert tags["bolts-production"] == set()


def test_an_alias_moved_in_mlflow_is_found_while_the_service_runs(open_desk: Open) -> None:
    desk = open_desk(sweep_seconds=1, reconcile_seconds=1)
    two_promotions(desk)

    with Worker(desk.app.state.service):
        until(lambda: desk.app.state.service.mlflow_answers)
        assert written(desk) == []
        move_the_champion(desk)
        until(lambda: written(desk) != [])

    assert written(desk) == ["approvals service: alias moved: champion"]


def test_what_stays_as_it_is_is_written_down_and_told_once(open_desk: Open) -> None:
    desk = open_desk()
    two_promotions(desk)
    move_the_champion(desk)
    service = desk.app.state.service

    found = [compare(service) for _ in range(3)]

    assert [[finding.what for finding in once] for once in found] == [["champion"]] * 3
    assert (len(written(desk)), alarms(desk)) == (1, 1)
    assert aliases.pointed_at(desk.registry.client, "elpv")["champion"] == 1  # flagged, as the policy says
    move_the_champion(desk, "2")
    assert compare(service) == []
    assert written(desk)[1:] == ["approvals service: production is as the log says"]
    assert alarms(desk) == 1


def test_where_the_policy_says_so_it_is_put_back(open_desk: Open) -> None:
    desk = open_desk(ROLES + "reconcile: revert\n")
    two_promotions(desk)
    move_the_champion(desk)

    compare(desk.app.state.service)

    assert aliases.pointed_at(desk.registry.client, "elpv") == {"champion": 2, "previous": 1}
    assert alarms(desk) == 1


def test_nothing_is_put_where_a_forged_log_says(open_desk: Open) -> None:
    desk = open_desk(ROLES + "reconcile: revert\n")
    two_promotions(desk)
    tamper(desk.registry.engine, "UPDATE audit SET details = '{\"production_version\":1}' WHERE action = 'promoted'")

    with pytest.raises(LogDamaged):
        compare(desk.app.state.service)

    assert aliases.pointed_at(desk.registry.client, "elpv") == {"champion": 2, "previous": 1}
