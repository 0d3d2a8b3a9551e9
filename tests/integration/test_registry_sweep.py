"""What happens at the registry without anybody asking: expiry, automatic approval, the end of what was cut off."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfpt import files
from dfpt.errors import StepFailed
from dfpt.registry import (
    artifacts,
    candidates,
    deployment,
    expiry,
    listing,
    maintenance,
    promotion,
)
from dfpt.registry.artifacts import WEIGHTS
from dfpt.registry.database import Request, State
from dfpt.registry.errors import BytesChanged, PolicyRefused, WrongState
from dfpt.registry.handle import Registry, open_registry
from dfpt.registry.maintenance import Swept
from tests.registry_policy import ADA, BOB, CAROL, FROZEN, PRODUCTION, Open, Submit, actions, age, approve
from tests.unchanged import unchanged

pytest_plugins = "tests.registry_policy"


def sweep(registry: Registry) -> Swept:
    """As the plan has said before, which changes nothing."""
    with unchanged(registry.home):
        plan = maintenance.planned(registry, CAROL)
    done = maintenance.sweep(registry, CAROL)
    assert [request.model for request in done.expired] == [request.model for request in plan.expired]
    assert [request.model for request in done.promoted] == [request.model for request in plan.promoted]
    assert (done.finished, list(map(type, done.refused))) == (plan.finished, list(map(type, plan.refused)))
    return done


def test_a_request_that_waited_too_long_expires_and_can_be_asked_for_again(open_with: Open, submit: Submit) -> None:
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


def test_a_sweep_expires_what_is_due(open_with: Open, submit: Submit) -> None:
    registry = open_with(expires_after_days=3)
    submit(b"old")
    age(registry, 4)
    submit(b"new")

    swept = sweep(registry)

    assert [request.model for request in swept.expired] == ["elpv/1"]


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
    open_with: Open, submit_with_gate: Submit, rules: dict[str, Any], promoted: list[str]
) -> None:
    registry = open_with(**rules)
    submit_with_gate(b"just", 0.71)
    submit_with_gate(b"well", 0.75)

    swept = sweep(registry)

    assert [request.model for request in swept.promoted] == promoted
    if promoted:
        done = promotion.find(registry, "elpv", 2)
        assert (done.state, done.automatic, done.decided_by) == (State.PROMOTED, True, "policy")
        assert "surpassed by 0.0500, more than 0.04" in str(done.decision_reason)
        assert listing.entry(registry, "elpv-production", 1).tags["automatic"] == "true"


def test_evidence_about_other_weights_approves_nothing(
    open_with: Open, submit_with_gate: Submit, submit: Submit
) -> None:
    registry = open_with(automatic_margin=0.01)
    submit_with_gate(b"well", 0.9, about="f" * 64)
    submit(b"without a gate")

    assert sweep(registry).promoted == []


def test_evidence_that_was_changed_approves_nothing(open_with: Open, submit_with_gate: Submit) -> None:
    registry = open_with(automatic_margin=0.01)
    submit_with_gate(b"just", 0.705)
    version = registry.client.get_model_version("elpv", "1")
    gate = artifacts.local(version, registry.uri) / "evidence" / "gate.json"
    gate.write_text(gate.read_text().replace("0.705", "0.995"))

    swept = sweep(registry)

    assert swept.promoted == []
    assert [type(error) for error in swept.refused] == [BytesChanged]


def test_a_sweep_finishes_what_was_cut_off_and_says_what_it_could_not(
    open_with: Open, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = open_with()
    submit()
    away = StepFailed("MLflow is away.")
    with monkeypatch.context() as broken:
        broken.setattr(deployment, "_point", lambda *_: (_ for _ in ()).throw(away))
        with pytest.raises(StepFailed):
            approve(registry, BOB)
        assert maintenance.sweep(registry, CAROL).refused == [away]

    swept = sweep(registry)

    assert (swept.finished, swept.refused) == (["elpv"], [])
    assert actions(registry)[1:] == [("approved", "bob"), ("promoted", "carol")]


def test_a_plan_knows_that_what_is_finished_supersedes_the_older(
    open_with: Open, submit_with_gate: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = open_with()
    submit_with_gate(b"older", 0.9)
    submit_with_gate(b"newer", 0.71)
    with monkeypatch.context() as broken:
        broken.setattr(deployment, "_point", lambda *_: (_ for _ in ()).throw(StepFailed("MLflow is away.")))
        with pytest.raises(StepFailed):
            approve(registry, BOB, 2)

    swept = sweep(open_with(automatic_margin=0.1))

    assert (swept.finished, swept.promoted) == (["elpv"], [])


def test_what_was_cut_off_and_whose_files_were_changed_is_not_planned_to_be_finished(
    open_with: Open, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = open_with()
    submit()
    with monkeypatch.context() as broken:
        broken.setattr(deployment, "_copy", lambda *_: (_ for _ in ()).throw(StepFailed("The disk is away.")))
        with pytest.raises(StepFailed):
            approve(registry, BOB)
    folder = artifacts.local(registry.client.get_model_version("elpv", "1"), registry.uri)
    (folder / "model.onnx").write_bytes(b"other")

    swept = sweep(registry)

    assert swept.finished == []
    assert [type(error) for error in swept.refused] == [BytesChanged]


def test_who_may_not_sweep_may_not_ask_what_it_would_do(open_with: Open) -> None:
    with pytest.raises(PolicyRefused, match="admin"):
        maintenance.planned(open_with(**PRODUCTION), BOB)
