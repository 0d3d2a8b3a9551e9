"""The policy at work on a real MLflow: four eyes, quorum, expiry, freeze, emergency, automatic approval, withdrawal."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from dfpt import files
from dfpt.errors import StepFailed, UsageError
from dfpt.registry import (
    artifacts,
    audit,
    candidates,
    deployment,
    expiry,
    licensing,
    listing,
    maintenance,
    promotion,
    rejection,
    requests,
    withdrawal,
)
from dfpt.registry.actor import Actor
from dfpt.registry.artifacts import WEIGHTS
from dfpt.registry.database import Request, State
from dfpt.registry.errors import BytesChanged, LogDamaged, PolicyRefused, WrongState
from dfpt.registry.handle import Registry, open_registry
from dfpt.registry.policy_config import Policy

pytest_plugins = ("tests.mlflow_home", "tests.unit.registry.databases")

Submit = Callable[..., Any]
ADA, BOB, CAROL, EVE = (Actor(name, name, "10.0.0.1") for name in ("ada", "bob", "carol", "eve"))
PEOPLE = {"ada": ["requester", "approver"], "bob": ["approver"], "carol": ["admin"], "dan": ["approver"]}
PRODUCTION = {"four_eyes": True, "people": PEOPLE, "others": ["viewer"]}


@pytest.fixture
def open_with(home: Path) -> Callable[..., Registry]:
    """Opens the registry under a policy."""

    def open_(**rules: Any) -> Registry:
        return dataclasses.replace(open_registry(home), policy=Policy.model_validate(rules))

    return open_


def approve(registry: Registry, actor: Actor, version: int = 1, **how: Any) -> Request:
    return promotion.approve(registry, "elpv", version, actor, "looked at every miss", **how)


def actions(registry: Registry, version: int = 1) -> list[tuple[str, str]]:
    return [(record.action, record.actor) for record in requests.log(registry.engine, "elpv", version)]


def age(registry: Registry, days: float) -> None:
    """Make every request older."""
    moment = datetime.now(UTC) - timedelta(days=days)
    with registry.engine.execution_options(dfpt_write=True).begin() as connection:
        connection.execute(update(Request).values(requested_at=moment))


def test_with_four_eyes_another_person_approves(open_with: Callable[..., Registry], submit: Submit) -> None:
    registry = open_with(**PRODUCTION)
    submit(by="ada")

    with pytest.raises(PolicyRefused, match="requested or trained"):
        approve(registry, ADA)
    done = approve(registry, BOB)

    assert (done.state, done.decided_by, done.self_approved) == (State.PROMOTED, "bob", False)
    assert actions(registry) == [("requested", "ada"), ("refused", "ada"), ("approved", "bob"), ("promoted", "bob")]


def test_who_trained_it_does_not_approve_it(
    open_with: Callable[..., Registry], submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_quorum_of_two_needs_two_people_and_names_them(open_with: Callable[..., Registry], submit: Submit) -> None:
    registry = open_with(**PRODUCTION, models={"elpv": {"quorum": 2}})
    submit(by="pipeline")

    assert approve(registry, BOB).state == State.PENDING
    assert approve(registry, BOB).state == State.PENDING  # the same person again adds nothing
    assert listing.entries(registry, "elpv-production") == []
    done = approve(registry, Actor("dan", "dan"))

    assert (done.state, done.decided_by) == (State.PROMOTED, "bob, dan")
    assert actions(registry) == [("requested", "pipeline"), ("vote", "bob"), ("approved", "dan"), ("promoted", "dan")]
    assert listing.entry(registry, "elpv-production", 1).tags["approved_by"] == "bob, dan"


def test_a_role_that_is_missing_is_named(open_with: Callable[..., Registry], submit: Submit) -> None:
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


FROZEN = {"freeze": {"year-end": {"starts": "2000-01-01 00:00", "ends": "2999-01-01 00:00", "time_zone": "Asia/Tokyo"}}}


def test_a_freeze_holds_an_approval_and_an_emergency_passes_over_it_for_all_to_see(
    open_with: Callable[..., Registry], submit: Submit
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


def test_a_request_that_waited_too_long_expires_and_can_be_asked_for_again(
    open_with: Callable[..., Registry], submit: Submit
) -> None:
    registry = open_with(expires_after_days=3)
    submit()
    age(registry, 2.9)
    assert expiry.expire_all(registry) == []
    age(registry, 3.1)

    with pytest.raises(WrongState, match="is expired"):
        approve(registry, BOB)

    assert registry.client.get_model_version("elpv", "1").tags["dfpt.status"] == "expired"
    again = candidates.request(registry, registry.client.get_model_version("elpv", "1"), ADA, "still wanted")
    assert again.state == State.PENDING
    assert actions(registry)[1:] == [("expired", "policy"), ("requested", "ada")]


def test_a_sweep_expires_what_is_due(open_with: Callable[..., Registry], submit: Submit) -> None:
    registry = open_with(expires_after_days=3)
    submit(b"old")
    age(registry, 4)
    submit(b"new")

    swept = maintenance.sweep(registry, CAROL)

    assert [request.model for request in swept.expired] == ["elpv/1"]


def test_a_request_is_withdrawn_by_who_asked_or_by_an_admin(open_with: Callable[..., Registry], submit: Submit) -> None:
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


def test_a_promotion_supersedes_the_older_requests_and_no_newer_one(
    open_with: Callable[..., Registry], submit: Submit
) -> None:
    registry = open_with()
    for weights in (b"one", b"two", b"three"):
        submit(weights)

    approve(registry, BOB, 2)

    states = [registry.client.get_model_version("elpv", number).tags["dfpt.status"] for number in "123"]
    assert states == ["superseded", "promoted", "pending"]
    assert actions(registry, 1) == [("requested", "ada"), ("superseded", "bob")]


@pytest.fixture
def submit_with_gate(home: Path, make_bundle: Callable[..., Any], tmp_path: Path) -> Submit:
    """Files a candidate whose evidence has the gate's decision: accuracy asked 0.70, found ``accuracy``."""

    def submit(weights: bytes, accuracy: float, about: str | None = None) -> Request:
        from dfpt.tracking import store

        bundle = make_bundle(weights, accuracy)
        sum_ = about or files.sha256(bundle.student / WEIGHTS)
        check = {"name": "accuracy", "asked": 0.7, "found": accuracy, "passed": True, "reason": ""}
        gate = tmp_path / weights.hex() / "gate.json"
        files.write_json(gate, {"outcome": "pass", "weights_sha256": sum_, "checks": [check], "champion": None})
        bundle = dataclasses.replace(bundle, evidence=[*bundle.evidence, gate])
        registry = open_registry(home)
        run = registry.client.create_run(store.ensure(home, "elpv"))
        version = candidates.register(registry, "elpv", bundle, run.info.run_id)
        return candidates.request(registry, version, ADA)

    return submit


@pytest.mark.parametrize(
    ("rules", "promoted"),
    [
        ({"automatic_margin": 0.04}, ["elpv/2"]),
        ({"automatic_margin": 0.06}, []),
        ({}, []),
        ({"automatic_margin": 0.04} | FROZEN, []),
        ({"automatic_margin": 0.04, "models": {"elpv": {"automatic_margin": None}}}, []),
    ],
)
def test_the_policy_approves_by_itself_only_what_it_says(
    open_with: Callable[..., Registry], submit_with_gate: Submit, rules: dict[str, Any], promoted: list[str]
) -> None:
    registry = open_with(**rules)
    submit_with_gate(b"just", 0.71)
    submit_with_gate(b"well", 0.75)

    swept = maintenance.sweep(registry, CAROL)

    assert [request.model for request in swept.promoted] == promoted
    if promoted:
        done = promotion.find(registry, "elpv", 2)
        assert (done.state, done.automatic, done.decided_by) == (State.PROMOTED, True, "policy")
        assert "surpassed by 0.0500, more than 0.04" in str(done.decision_reason)
        assert listing.entry(registry, "elpv-production", 1).tags["automatic"] == "true"


def test_evidence_about_other_weights_approves_nothing(
    open_with: Callable[..., Registry], submit_with_gate: Submit, submit: Submit
) -> None:
    registry = open_with(automatic_margin=0.01)
    submit_with_gate(b"well", 0.9, about="f" * 64)
    submit(b"without a gate")

    assert maintenance.sweep(registry, CAROL).promoted == []


def test_evidence_that_was_changed_approves_nothing(
    open_with: Callable[..., Registry], submit_with_gate: Submit
) -> None:
    registry = open_with(automatic_margin=0.01)
    submit_with_gate(b"just", 0.705)
    version = registry.client.get_model_version("elpv", "1")
    gate = artifacts.local(version, registry.uri) / "evidence" / "gate.json"
    gate.write_text(gate.read_text().replace("0.705", "0.995"))

    swept = maintenance.sweep(registry, CAROL)

    assert swept.promoted == []
    assert [type(error) for error in swept.refused] == [BytesChanged]


def test_files_and_their_sums_changed_together_are_given_away_by_the_log(
    open_with: Callable[..., Registry], submit: Submit
) -> None:
    registry = open_with()
    submit()
    folder = artifacts.local(registry.client.get_model_version("elpv", "1"), registry.uri)
    (folder / "model.onnx").write_bytes(b"other")
    with registry.engine.execution_options(dfpt_write=True).begin() as connection:
        connection.execute(update(Request).values(artifact_sha256=files.sha256(folder)))

    with pytest.raises(LogDamaged, match="filed for other files"):
        approve(registry, BOB)

    assert actions(registry) == [("requested", "ada")]


def test_a_sweep_finishes_what_was_cut_off_and_says_what_it_could_not(
    open_with: Callable[..., Registry], submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = open_with()
    submit()
    away = StepFailed("MLflow is away.")
    with monkeypatch.context() as broken:
        broken.setattr(deployment, "_point", lambda *_: (_ for _ in ()).throw(away))
        with pytest.raises(StepFailed):
            approve(registry, BOB)
        assert maintenance.sweep(registry, CAROL).refused == [away]

    swept = maintenance.sweep(registry, CAROL)

    assert (swept.finished, swept.refused) == (["elpv"], [])
    assert actions(registry)[1:] == [("approved", "bob"), ("promoted", "carol")]


def test_the_whole_story_runs_on_both_databases(database: str, home: Path, submit: Submit) -> None:
    registry = open_registry(home)
    submit(b"one")
    approve(registry, BOB)
    submit(b"two")
    rejection.reject(registry, "elpv", 2, BOB, "misses cracks")

    assert registry.engine.dialect.name == database
    found = audit.verify(registry.store)
    assert (found.intact, found.records) == (True, 5)


NON_COMMERCIAL = {"data_licence": "CC-BY-NC-SA-4.0", "teacher_licence": "Apache-2.0"}


def test_a_licence_that_the_policy_refuses_keeps_a_candidate_out_even_in_an_emergency(
    submit: Submit, open_with: Callable[..., Registry]
) -> None:
    submit(**NON_COMMERCIAL)
    registry = open_with(licences={"non_commercial": "refuse"}, people={"carol": ["approver", "admin"]})
    for how in ({}, {"emergency": True}):
        with pytest.raises(PolicyRefused, match="CC-BY-NC-SA"):
            approve(registry, CAROL, **how)
    assert [action for action, _ in actions(registry)] == ["requested", "refused", "refused"]


def test_a_named_approval_takes_a_listed_person_and_a_reason_that_names_the_licence(
    submit: Submit, open_with: Callable[..., Registry]
) -> None:
    submit(**NON_COMMERCIAL)
    registry = open_with(licences={"non_commercial": "require_named_approval"}, people={"bob": ["approver"]})
    with pytest.raises(PolicyRefused, match="a person whom the policy names"):
        approve(registry, EVE)
    with pytest.raises(PolicyRefused, match="whose reason names it"):
        approve(registry, BOB)
    reason = "a study, nothing is sold: CC-BY-NC-SA-4.0 allows it"
    done = promotion.approve(registry, "elpv", 1, BOB, reason)
    assert done.state == State.PROMOTED
    approval = next(r for r in requests.log(registry.engine, "elpv", 1) if r.action == State.APPROVED)
    assert json.loads(approval.details)["licences"] == {"data": "CC-BY-NC-SA-4.0", "teacher": "Apache-2.0"}
    for name in ("elpv", "elpv-production"):
        tags = listing.entry(registry, name, 1).tags
        assert (tags["data_licence"], tags["teacher_licence"]) == ("CC-BY-NC-SA-4.0", "Apache-2.0")


def test_a_tag_changes_no_licence(submit: Submit, open_with: Callable[..., Registry]) -> None:
    request = submit(**NON_COMMERCIAL)
    registry = open_with(licences={"non_commercial": "refuse"})
    registry.client.set_model_version_tag("elpv", "1", "dfpt.data_licence", "MIT")
    assert licensing.of(registry, request).data == "CC-BY-NC-SA-4.0"
    with pytest.raises(PolicyRefused):
        approve(registry, BOB)


def test_a_version_from_before_there_were_licences_has_unknown_ones(
    submit: Submit, open_with: Callable[..., Registry]
) -> None:
    submit()
    assert listing.entry(open_with(), "elpv", 1).tags["data_licence"] == "unknown"
    with pytest.raises(PolicyRefused, match="licence unknown"):
        approve(open_with(licences={"unknown": "refuse"}), BOB)
    assert approve(open_with(licences={"non_commercial": "refuse"}), BOB).state == State.PROMOTED
