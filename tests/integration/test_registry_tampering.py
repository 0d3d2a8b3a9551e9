"""Whoever can write the registry's database, and nothing else, gets nothing into production that nobody approved."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfpt.registry import aliases, audit, canonical, maintenance, promotion, rejection, requests, rollback
from dfpt.registry.actor import Actor
from dfpt.registry.champion import CHAMPION
from dfpt.registry.database import Head, Record
from dfpt.registry.errors import LogDamaged, PolicyRefused
from dfpt.registry.handle import Registry, open_registry
from dfpt.registry.ledger import content
from dfpt.registry.policy_config import Policy
from tests.unit.registry.tampering import tamper

pytest_plugins = "tests.mlflow_home"

Submit = Callable[..., Any]
ADA, BOB, CAROL = (Actor(name, name, "10.0.0.1") for name in ("ada", "bob", "carol"))
PEOPLE = {"ada": ["requester", "approver"], "bob": ["approver"], "carol": ["admin"]}


@pytest.fixture
def registry(home: Path) -> Registry:
    policy = Policy.model_validate({"four_eyes": True, "people": PEOPLE, "others": ["viewer", "approver"]})
    return dataclasses.replace(open_registry(home), policy=policy)


def champion(registry: Registry) -> int | None:
    return aliases.pointed_at(registry.client, "elpv").get(CHAMPION)


def test_a_request_that_only_the_database_calls_approved_is_not_promoted(registry: Registry, submit: Submit) -> None:
    submit()
    tamper(registry.engine, "UPDATE requests SET state = 'approved', decided_by = 'bob'")

    swept = maintenance.sweep(registry, CAROL)

    assert [type(error) for error in swept.refused] == [LogDamaged]
    with pytest.raises(LogDamaged, match="is pending by the log, not approved"):
        promotion.approve(registry, "elpv", 1, BOB, "looked at it")
    assert champion(registry) is None


def test_nor_does_it_keep_from_rolling_back(registry: Registry, submit: Submit) -> None:
    for version, weights in enumerate((b"one", b"two"), start=1):
        submit(weights)
        promotion.approve(registry, "elpv", version, BOB, "looked at it")
    submit(b"three")
    tamper(registry.engine, "UPDATE requests SET state = 'approved' WHERE version = 3")

    rollback.roll_back(registry, "elpv", BOB, "line 3 complains")

    assert champion(registry) == 1


def test_an_approval_forged_behind_the_signed_head_is_not_promoted(registry: Registry, submit: Submit) -> None:
    request = submit()
    with registry.store.reading() as session:
        head = session.get_one(Head, 1)
        forged = content(session.get_one(Record, head.count))
    forged |= {"seq": head.count + 1, "previous_hash": head.hash, "actor": "bob", "account": "bob"}
    forged |= {"action": "approved", "before": "pending", "after": "approved", "details": {}}
    forged["hash"] = canonical.record_hash({key: value for key, value in forged.items() if key != "hash"})
    row = Record(**forged | {"details": canonical.encode(forged["details"])})
    tamper(registry.engine, f"UPDATE requests SET state = 'approved' WHERE id = {request.id}")
    with registry.engine.execution_options(dfpt_write=True).begin() as connection:
        values = {column.key: getattr(row, column.key) for column in Record.__table__.columns}
        connection.execute(Record.__table__.insert(), values)

    swept = maintenance.sweep(registry, CAROL)

    assert ["added behind the signed head" in error.message for error in swept.refused] == [True]
    assert champion(registry) is None


def test_a_rollback_that_only_the_database_knows_is_given_up(registry: Registry, submit: Submit) -> None:
    for version, weights in enumerate((b"one", b"two"), start=1):
        submit(weights)
        promotion.approve(registry, "elpv", version, BOB, "looked at it")
    tamper(
        registry.engine,
        "INSERT INTO rollbacks (name, from_version, to_version, request_id, by, at, reason, done) "
        "VALUES ('elpv', 2, 1, 1, 'bob', '2026-01-01 00:00:00', 'line 3 complains', false)",
    )

    maintenance.sweep(registry, CAROL)

    assert champion(registry) == 2
    assert rollback.unfinished_of(registry, "elpv") == []
    assert requests.log(registry.engine, "elpv", 1)[-1].action == rollback.GIVEN_UP


def test_a_forged_state_does_not_become_the_logs_by_a_refusal(registry: Registry, submit: Submit) -> None:
    submit()
    rejection.reject(registry, "elpv", 1, BOB, "misses cracks")
    tamper(registry.engine, "UPDATE requests SET state = 'pending'")
    with pytest.raises(PolicyRefused):
        promotion.approve(registry, "elpv", 1, ADA, "it is mine")

    with pytest.raises(LogDamaged, match="is rejected by the log, not pending"):
        promotion.approve(registry, "elpv", 1, BOB, "looked at it")

    assert not audit.verify(registry.store).intact
    assert champion(registry) is None


def test_four_eyes_go_by_the_account_that_the_log_has(registry: Registry, submit: Submit) -> None:
    """Who asked as ada, and forgets the account behind that name, is not somebody else under another one."""
    submit()
    tamper(registry.engine, "UPDATE requests SET requested_account = NULL")

    with pytest.raises(LogDamaged, match="asked for by others"):
        promotion.approve(registry, "elpv", 1, Actor("eve", "account"), "looked at it")

    assert champion(registry) is None


def test_to_a_log_that_is_broken_in_its_middle_no_approval_is_added(registry: Registry, submit: Submit) -> None:
    submit(b"one")
    submit(b"two")
    tamper(registry.engine, "UPDATE audit SET reason = 'other' WHERE seq = 1")

    with pytest.raises(LogDamaged, match="Record 1 has been changed"):
        promotion.approve(registry, "elpv", 2, BOB, "looked at it")

    assert audit.verify(registry.store).records == 2
    assert champion(registry) is None
