"""The step register on a real student, evaluation and decision, with a real MLflow."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from dfpt import files
from dfpt.config import RegisterConfig, Registration
from dfpt.context import Context
from dfpt.errors import GateRefused, StepFailed
from dfpt.export import onnx
from dfpt.registry import artifacts, promotion, rejection, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request, State
from dfpt.registry.handle import Registry, open_registry
from dfpt.steps import register

pytest_plugins = "tests.mlflow_home"

BOB = Actor("bob", "bob")


class Room:
    """A run of the step on copies that a test may spoil."""

    def __init__(self, inspection: Any, home: Path, place: Path) -> None:
        self.home = home
        self.inputs = {name: place / name for name in ("student", "evaluation", "decision")}
        self.registration = place / "registration"
        shutil.copytree(inspection.good, self.inputs["student"])
        shutil.copytree(inspection.evaluation, self.inputs["evaluation"])
        self.inputs["decision"].mkdir()
        self.decide("pass", [])

    def decide(self, outcome: str, checks: list[dict[str, Any]], about: str | None = None) -> None:
        weights = about or files.sha256(self.inputs["student"] / "model.safetensors")
        decision = {"outcome": outcome, "checks": checks, "champion": None, "weights_sha256": weights}
        files.write_json(self.inputs["decision"] / "gate.json", decision)

    def run(self) -> dict[str, Any]:
        config = RegisterConfig(registration=Registration(name="made-up"))
        context = Context(self.home, self.home / "checkpoints")
        self.metrics = register.run(self.inputs, {"registration": self.registration}, config, context)
        found: dict[str, Any] = json.loads((self.registration / "registration.json").read_text())
        return found

    @property
    def registry(self) -> Registry:
        return open_registry(self.home)

    @property
    def versions(self) -> list[Any]:
        return list(self.registry.client.search_model_versions("name = 'made-up'"))


@pytest.fixture
def room(inspection: Any, home: Path, tmp_path: Path) -> Room:
    return Room(inspection, home, tmp_path)


def test_a_student_that_passed_waits_for_approval_as_onnx_that_answers_alike(room: Room) -> None:
    (room.inputs["evaluation"] / "model-card.md").write_text("# Cracks in cells\n")

    found = room.run()

    assert (found["name"], found["version"], found["status"], found["created"]) == ("made-up", 1, "pending", True)
    assert found["weights_sha256"] == files.sha256(room.inputs["student"] / "model.safetensors")
    assert room.metrics["onnx_difference"] < 1e-4
    (version,) = room.versions
    folder = artifacts.local(version, room.registry.uri)
    assert files.sha256(folder / "student") == files.sha256(room.inputs["student"])
    assert (folder / "evidence" / "evaluation.html").exists()
    assert (folder / "evidence" / "model-card.md").exists()
    assert room.registry.client.get_run(version.run_id).info.status == "FINISHED"


def test_the_same_student_is_registered_once_and_exported_once(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    first = room.run()
    monkeypatch.setattr(onnx, "export", lambda *_: pytest.fail("exported again"))

    again = room.run()

    assert again == first | {"created": False}
    assert len(room.versions) == 1


@pytest.mark.parametrize("ended", sorted(requests.UNDECIDED))
def test_a_rerun_asks_again_where_nobody_decided_and_says_so(room: Room, ended: State) -> None:
    room.run()
    (request,) = requests.of_model(room.registry.engine)
    requests.transition(room.registry.store, request, State.PENDING, ended, BOB, "not now")

    again = room.run()

    assert (again["status"], again["asked_again_after"], again["created"]) == ("pending", ended, False)
    assert again["request"] != request.id


def test_a_request_that_is_overdue_is_closed_and_filed_again(room: Room) -> None:
    room.run()
    with room.registry.engine.execution_options(dfpt_write=True).begin() as connection:
        connection.execute(update(Request).values(requested_at=datetime.now(UTC) - timedelta(days=31)))

    again = room.run()

    assert (again["status"], again["asked_again_after"]) == ("pending", "expired")


def test_a_rerun_tells_what_became_of_the_candidate(room: Room) -> None:
    room.run()
    promotion.approve(room.registry, "made-up", 1, BOB, "good")
    assert room.run()["status"] == "promoted"


def test_a_rejected_student_stays_rejected(room: Room) -> None:
    room.run()
    rejection.reject(room.registry, "made-up", 1, BOB, "bad")
    assert room.run()["status"] == "rejected"
    assert len(room.versions) == 1


def test_a_run_that_was_cut_off_before_its_request_files_it_the_next_time(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dfpt.registry import candidates

    with monkeypatch.context() as broken:
        broken.setattr(candidates, "request", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            room.run()
    assert len(room.versions) == 1

    assert room.run()["status"] == "pending"
    assert len(room.versions) == 1


def test_what_the_gate_refused_is_not_registered(room: Room) -> None:
    room.decide("fail", [{"passed": False, "reason": "Accuracy is too low."}, {"passed": True, "reason": "Fine."}])

    with pytest.raises(GateRefused, match=r"fail: Accuracy is too low\.$|fail: Accuracy is too low\.\n"):
        room.run()

    assert room.versions == []


def test_a_student_that_was_not_evaluated_is_not_registered(room: Room) -> None:
    with (room.inputs["student"] / "model.safetensors").open("ab") as weights:
        weights.write(b"\0")

    with pytest.raises(GateRefused, match="The evaluation is about the weights"):
        room.run()

    assert room.versions == []


def test_a_decision_about_another_student_lets_nobody_in(room: Room) -> None:
    room.decide("pass", [], about="0" * 64)

    with pytest.raises(GateRefused, match="The gate's decision is about the weights 000000000000"):
        room.run()

    assert room.versions == []


@pytest.mark.parametrize(("folder", "file"), [("decision", "gate.json"), ("evaluation", "report.json")])
@pytest.mark.parametrize("content", [None, "", "[]", "{}"])
def test_unreadable_evidence_is_a_no(room: Room, folder: str, file: str, content: str | None) -> None:
    path = room.inputs[folder] / file
    path.unlink()
    if content is not None:
        path.write_text(content)

    with pytest.raises(GateRefused, match="cannot be read"):
        room.run()

    assert room.versions == []


@pytest.mark.parametrize("difference", [0.01, float("nan")])
def test_an_onnx_model_that_answers_otherwise_is_not_registered(
    room: Room, monkeypatch: pytest.MonkeyPatch, difference: float
) -> None:
    monkeypatch.setattr(onnx, "parity", lambda *_: difference)

    with pytest.raises(StepFailed, match="logits differ"):
        room.run()

    assert room.versions == []
