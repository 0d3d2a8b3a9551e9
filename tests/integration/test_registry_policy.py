"""The policy at work on a real MLflow: four eyes, roles, quorum, freeze, emergency, withdrawal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import update

from dfpt import files
from dfpt.errors import UsageError
from dfpt.registry import (
    artifacts,
    audit,
    candidates,
    listing,
    maintenance,
    rejection,
    requests,
    withdrawal,
)
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request, State
from dfpt.registry.errors import LogDamaged, PolicyRefused, WrongState
from dfpt.registry.handle import open_registry
from tests.registry_policy import ADA, BOB, CAROL, EVE, FROZEN, PRODUCTION, Open, Submit, actions, approve

pytest_plugins = "tests.registry_policy"


def test_with_four_eyes_another_person_approves(open_with: Open, submit: Submit) -> None:
    registry = open_with(**PRODUCTION)
    submit(by="ada")

    with pytest.raises(PolicyRefused, match="requested or trained"):
        approve(registry, ADA)
    done = approve(registry, BOB)

    assert (done.state, done.decided_by, done.self_approved) == (State.PROMOTED, "bob", False)
    assert actions(registry) == [("requested", "ada"), ("refused", "ada"), ("approved", "bob"), ("promoted", "bob")]


def test_who_trained_it_does_not_approve_it(open_with: Open, submit: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = open_with(**PRODUCTION)
    monkeypatch.setattr(candidates, "_trained_by", lambda *_: "bob")
    submit(by="pipeline")

    with pytest.raises(PolicyRefused, match="requested or trained"):
        approve(registry, BOB)


def test_the_trainer_is_whom_mlflow_names(home: Path, submit: Submit) -> None:
    submit()
    registry = open_registry(home)
    version = registry.client.get_model_version("elpv", "1")
    registry.client.set_tag(version.run_id, "mlflow.user", "tom")

    again = candidates._trained_by(registry, version)

    assert again == "tom"


def test_a_quorum_of_two_needs_two_people_and_names_them(open_with: Open, submit: Submit) -> None:
    registry = open_with(**PRODUCTION, models={"elpv": {"quorum": 2}})
    submit(by="pipeline")

    assert approve(registry, BOB).state == State.PENDING
    assert approve(registry, BOB).state == State.PENDING  # the same person again adds nothing
    assert listing.entries(registry, "elpv-production") == []
    done = approve(registry, Actor("dan", "dan"))

    assert (done.state, done.decided_by) == (State.PROMOTED, "bob, dan")
    assert actions(registry) == [("requested", "pipeline"), ("vote", "bob"), ("approved", "dan"), ("promoted", "dan")]
    assert listing.entry(registry, "elpv-production", 1).tags["approved_by"] == "bob, dan"


def test_a_role_that_is_missing_is_named(open_with: Open, submit: Submit) -> None:
    registry = open_with(**PRODUCTION)
    request = submit(by="ada")
    version = registry.client.get_model_version("elpv", str(request.version))

    with pytest.raises(PolicyRefused, match="approver"):
        approve(registry, EVE)
    with pytest.raises(PolicyRefused, match="approver"):
        rejection.reject(registry, "elpv", 1, EVE, "no")
    with pytest.raises(PolicyRefused, match="admin or requester"):
        candidates.request(registry, version, EVE)
    with pytest.raises(PolicyRefused, match="admin"):
        maintenance.sweep(registry, BOB)


def test_a_freeze_holds_an_approval_and_an_emergency_passes_over_it_for_all_to_see(
    open_with: Open, submit: Submit
) -> None:
    registry = open_with(**PRODUCTION, **FROZEN)
    submit(by="ada")

    with pytest.raises(PolicyRefused, match="during year-end"):
        approve(registry, BOB)
    with pytest.raises(PolicyRefused, match="Only an admin"):
        approve(registry, BOB, emergency=True)
    done = approve(registry, CAROL, emergency=True)

    assert (done.state, done.emergency) == (State.PROMOTED, True)
    assert listing.entry(registry, "elpv-production", 1).tags["emergency"] == "true"
    (record,) = [line for line in requests.log(registry.engine, "elpv", 1) if line.action == "approved"]
    assert json.loads(record.details)["emergency"] is True


def test_a_request_is_withdrawn_by_who_asked_or_by_an_admin(open_with: Open, submit: Submit) -> None:
    registry = open_with(**PRODUCTION)
    submit(b"one", by="ada")
    submit(b"two", by="pipeline")

    with pytest.raises(PolicyRefused, match="Only who asked"):
        withdrawal.withdraw(registry, "elpv", 2, ADA, "mine is better")
    with pytest.raises(UsageError, match="needs a reason"):
        withdrawal.withdraw(registry, "elpv", 1, ADA, " ")
    assert withdrawal.withdraw(registry, "elpv", 1, ADA, "wrong data").state == State.WITHDRAWN
    assert withdrawal.withdraw(registry, "elpv", 2, CAROL, "wrong data").state == State.WITHDRAWN

    with pytest.raises(WrongState, match="is withdrawn"):
        withdrawal.withdraw(registry, "elpv", 1, ADA, "again")
    assert registry.client.get_model_version("elpv", "1").tags["dfpt.status"] == "withdrawn"


def test_a_promotion_supersedes_the_older_requests_and_no_newer_one(open_with: Open, submit: Submit) -> None:
    registry = open_with()
    for weights in (b"one", b"two", b"three"):
        submit(weights)

    approve(registry, BOB, 2)

    states = [registry.client.get_model_version("elpv", number).tags["dfpt.status"] for number in "123"]
    assert states == ["superseded", "promoted", "pending"]
    assert actions(registry, 1) == [("requested", "ada"), ("superseded", "bob")]


def test_files_and_their_sums_changed_together_are_given_away_by_the_log(open_with: Open, submit: Submit) -> None:
    registry = open_with()
    submit()
    folder = artifacts.local(registry.client.get_model_version("elpv", "1"), registry.uri)
    (folder / "model.onnx").write_bytes(b"other")
    with registry.engine.execution_options(dfpt_write=True).begin() as connection:
        connection.execute(update(Request).values(artifact_sha256=files.sha256(folder)))

    with pytest.raises(LogDamaged, match="filed for other files"):
        approve(registry, BOB)

    assert actions(registry) == [("requested", "ada")]


def test_the_whole_story_runs_on_both_databases(database: str, home: Path, submit: Submit) -> None:
    registry = open_registry(home)
    submit(b"one")
    approve(registry, BOB)
    submit(b"two")
    rejection.reject(registry, "elpv", 2, BOB, "misses cracks")

    assert registry.engine.dialect.name == database
    found = audit.verify(registry.store)
    assert (found.intact, found.records) == (True, 5)
