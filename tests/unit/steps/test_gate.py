"""The step gate on a real evaluation; the champion is handed in where the registry would hand it over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dfpt import datasets, files, models
from dfpt.config import Device, Evaluation, GateConfig, Registration, Thresholds
from dfpt.context import Context
from dfpt.datasets import manifest
from dfpt.errors import StepFailed, UsageError
from dfpt.evaluation import mcnemar, predictions
from dfpt.registry import champion as registry
from dfpt.steps import gate

ASKED = Thresholds(min_accuracy=0.9, max_drop_against_champion=0.02)


class Room:
    """A run of the gate on copies that a test may spoil."""

    def __init__(self, inspection: Any, place: Path) -> None:
        self.evaluation, self.decision = place / "evaluation", place / "decision"
        shutil.copytree(inspection.evaluation, self.evaluation)
        self.inputs = inspection.inputs(evaluation=self.evaluation)
        self.context = Context(place, place)

    def run(self, thresholds: Thresholds = ASKED, **devices: Device) -> dict[str, Any]:
        config = GateConfig(
            seed=0,
            evaluation=Evaluation(bootstrap=200),
            gate=thresholds,
            devices=devices,
            registration=Registration(name="made-up"),
        )
        metrics = gate.run(self.inputs, {"decision": self.decision}, config, self.context)
        found: dict[str, Any] = json.loads((self.decision / "gate.json").read_text())
        assert metrics["passed"] == (found["outcome"] == "pass")
        assert metrics["checks_failed"] == len([check for check in found["checks"] if not check["passed"]])
        assert ("Passed" if metrics["passed"] else "Refused") in (self.decision / "gate.html").read_text()
        return found

    def edit_report(self, edit: Callable[[dict[str, Any]], object]) -> None:
        report = json.loads((self.evaluation / "report.json").read_text())
        edit(report)
        (self.evaluation / "report.json").write_text(json.dumps(report))

    def edit_predictions(self, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        path = self.evaluation / "predictions.parquet"
        edit(pd.read_parquet(path)).to_parquet(path)


def failures(found: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["reason"] for check in found["checks"] if not check["passed"]}


@pytest.fixture
def room(inspection: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    crown(monkeypatch, None)
    return Room(inspection, tmp_path)


def crown(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    """Make the model of ``folder`` the champion."""

    def fetch(context: Context, name: str) -> registry.Champion | None:
        assert name == "made-up"
        if folder is None:
            return None
        weights = files.sha256(folder / "model.safetensors")
        return registry.Champion("made-up-production", 4, folder, weights, folder, files.sha256(folder))

    monkeypatch.setattr(registry, "fetch", fetch)


def test_a_good_student_without_a_champion_passes(room: Room, inspection: Any) -> None:
    found = room.run()
    assert (found["outcome"], found["champion"]) == ("pass", None)
    assert found["weights_sha256"] == files.sha256(inspection.good / "model.safetensors")
    assert [check["name"] for check in found["checks"]] == ["report", "accuracy", "non_inferior_to_champion"]


def test_a_refusal_is_an_answer_not_an_error(room: Room) -> None:
    assert list(failures(room.run(Thresholds(max_parameters=10, min_accuracy=0.5)))) == ["parameters"]


def test_a_student_is_not_inferior_to_itself(room: Room, inspection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    crown(monkeypatch, inspection.good)
    found = room.run(Thresholds(max_drop_against_champion=0))
    assert found["outcome"] == "pass"
    assert {key: found["champion"][key] for key in ("version", "accuracy", "difference", "low", "high")} == {
        "version": 4,
        "accuracy": 1,
        "difference": 0,
        "low": 0,
        "high": 0,
    }
    assert found["champion"]["weights_sha256"] == found["weights_sha256"]
    assert not found["champion"]["other_data"]


def test_a_student_that_beats_the_champion_passes(room: Room, inspection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    crown(monkeypatch, inspection.poor)
    found = room.run()
    assert found["outcome"] == "pass"
    assert found["champion"]["low"] > 0.1


def test_a_student_that_falls_behind_the_champion_is_refused(
    inspection: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(inspection, tmp_path)
    crown(monkeypatch, inspection.good)
    swap_student_and_baseline(room)
    found = room.run(Thresholds(max_drop_against_champion=0.02))
    assert list(failures(found)) == ["non_inferior_to_champion"]
    assert found["champion"]["high"] < 0


def swap_student_and_baseline(room: Room) -> None:
    def edit(report: dict[str, Any]) -> None:
        models, pairs = report["models"], report["comparisons"]
        models["student"], models["baseline"] = models["baseline"], models["student"]
        drop = {"difference": models["student"]["accuracy"] - 1, "low": -0.9, "high": -0.1}
        missed = round(-drop["difference"] * report["images"]["test"])
        for pair in pairs.values():
            p_value = mcnemar.p_different(0, missed)
            pair |= {"accuracy": drop, "paired": {"only_one": 0, "only_other": missed, "p_value": p_value}}

    room.edit_report(edit)
    room.edit_predictions(lambda table: table.rename(columns={"student": "baseline", "baseline": "student"}))


def test_the_exact_test_refuses_what_is_worse_beyond_doubt(
    inspection: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(inspection, tmp_path)
    crown(monkeypatch, inspection.good)
    swap_student_and_baseline(room)
    asked = Thresholds(min_p_worse_than_champion=0.01)
    found = room.run(asked)
    assert list(failures(found)) == ["not_worse_than_champion"]
    counted = found["champion"]["paired"]
    assert counted["only_one"] == 0
    assert counted["only_other"] == round(-30 * found["champion"]["difference"])
    crown(monkeypatch, inspection.poor)
    assert room.run(asked)["outcome"] == "pass"


def test_the_images_on_which_student_and_champion_differ_are_evidence(
    room: Room, inspection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.run()
    alone = json.loads((room.decision / "differences/index.json").read_text())
    assert (alone["images"], alone["differing"], alone["examples"]) == (30, None, [])
    crown(monkeypatch, inspection.poor)
    found = room.run()
    seen = json.loads((room.decision / "differences/index.json").read_text())
    assert seen["differing"] == round(30 * found["champion"]["difference"]) > 12
    assert len(seen["examples"]) == 12
    images = datasets.load(inspection.dataset, inspection.validation)
    row = images.manifest.set_index("id")["row"]
    for item in seen["examples"]:
        assert item["candidate"] == item["label"] != item["champion"]
        assert 0 < item["champion_confidence"] <= item["candidate_confidence"] <= 1
        with Image.open(room.decision / "differences" / item["file"]) as picture:
            np.testing.assert_array_equal(np.asarray(picture), images.images[row[item["id"]]].squeeze(-1))
    assert "Where candidate and champion differ" in (room.decision / "gate.html").read_text()


def test_what_the_student_is_surely_wrong_about_comes_first(room: Room) -> None:
    swap_student_and_baseline(room)
    room.run()
    wrong = json.loads((room.decision / "differences/index.json").read_text())["examples"]
    assert len(wrong) == 12
    assert all(item["kind"] == "confidently_wrong" and item["candidate"] != item["label"] for item in wrong)
    sure = [item["candidate_confidence"] for item in wrong]
    assert sure == sorted(sure, reverse=True)


def test_a_report_that_cannot_be_trusted_has_no_examples(room: Room) -> None:
    room.edit_report(lambda report: report.update(data_hash="f" * 64))
    room.run()
    assert not (room.decision / "differences").exists()


def test_the_device_that_the_policy_names_sets_budgets(room: Room) -> None:
    asked = Thresholds(device="board")
    assert list(failures(room.run(asked, board=Device(max_weights_bytes=10)))) == ["device_size"]
    assert room.run(asked, board=Device(max_weights_bytes=10**6, max_latency_seconds=5))["outcome"] == "pass"
    with pytest.raises(UsageError, match="no device 'board'"):
        room.run(asked)


def test_the_suite_of_corruptions_is_measured_and_can_refuse(room: Room) -> None:
    assert room.run(Thresholds(min_under_corruption={"noise@1": 0.9}))["outcome"] == "pass"
    assert list(failures(room.run(Thresholds(min_under_corruption={"worst@5": 1.0})))) == ["under worst@5"]


def test_a_champion_that_may_have_learnt_from_the_test_images_is_compared_and_that_is_said(
    room: Room, inspection: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, spec = models.load(inspection.good)
    models.save(network, replace(spec, data_hash="0" * 64), tmp_path / "old")
    crown(monkeypatch, tmp_path / "old")
    found = room.run()
    assert (found["outcome"], found["champion"]["other_data"]) == ("pass", True)
    assert "may have learnt from some of these images" in (room.decision / "gate.html").read_text()


def test_a_champion_of_other_classes_is_refused_with_the_explanation(
    room: Room, inspection: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    shutil.copytree(inspection.good, old)
    spec = json.loads((old / "model.json").read_text())
    (old / "model.json").write_text(json.dumps(spec | {"classes": ["sound", "crack", "dust"]}))
    crown(monkeypatch, old)
    found = room.run()
    assert list(failures(found)) == ["non_inferior_to_champion"]
    assert "sound, crack, dust" in failures(found)["non_inferior_to_champion"]
    assert room.run(Thresholds(min_accuracy=0.9))["outcome"] == "pass"  # nobody asked for the comparison


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda report: report["models"]["student"].pop("ece"), "models.student.ece"),
        (lambda report: report["models"]["teacher"].update(macro_f1=float("nan")), "models.teacher.macro_f1"),
        (lambda report: report.update(data_hash="f" * 64), "other data"),
        (lambda report: report.pop("weights_sha256"), "weights_sha256"),
    ],
)
def test_a_report_with_any_figure_spoilt_is_refused(room: Room, edit: Any, complaint: str) -> None:
    room.edit_report(edit)
    assert complaint in failures(room.run())["report"]


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_an_unreadable_report_is_refused(room: Room, text: str) -> None:
    (room.evaluation / "report.json").write_text(text)
    assert {"report", "accuracy"} <= set(failures(room.run()))


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda table: table.iloc[:-1], "other images"),
        (lambda table: table.iloc[::-1], "other images"),
        (lambda table: table.assign(label=0), "other images"),
        (lambda table: table.assign(id="elsewhere-" + table["id"]), "other images"),
        (lambda table: table.assign(student=[[0.9, 0.05, 0.05]] * len(table)), "accuracy that the report states"),
        (lambda table: table.assign(student=[[float("nan")] * 3] * len(table)), "not finite"),
        (lambda table: table.drop(columns="student"), "Cannot read the predictions"),
    ],
)
def test_predictions_that_do_not_belong_to_the_report_are_refused(
    room: Room, inspection: Any, monkeypatch: pytest.MonkeyPatch, edit: Any, complaint: str
) -> None:
    crown(monkeypatch, inspection.poor)
    room.edit_predictions(edit)
    found = failures(room.run())
    assert complaint in found["report"]
    assert "non_inferior_to_champion" in found


def test_predictions_on_a_test_split_that_has_changed_since_are_refused(
    room: Room, inspection: Any, tmp_path: Path
) -> None:
    accepted = manifest.read(inspection.validation)
    (tmp_path / "validation").mkdir()
    manifest.write(accepted.drop(index=accepted.index[accepted["split"] == "test"][0]), tmp_path / "validation")
    room.inputs["validation"] = tmp_path / "validation"
    assert "other images" in failures(room.run())["report"]


def test_a_champion_whose_outputs_are_not_finite_is_no_measure(
    room: Room, inspection: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from dfpt import models

    network, spec = models.load(inspection.good)
    with torch.no_grad():
        next(network.head.parameters()).fill_(float("nan"))
    models.save(network, spec, tmp_path / "broken")
    crown(monkeypatch, tmp_path / "broken")
    assert "not finite" in failures(room.run())["non_inferior_to_champion"]


def test_a_registry_that_cannot_be_read_ends_without_a_decision(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(context: Context, name: str) -> None:
        raise StepFailed("The registry does not answer.")

    monkeypatch.setattr(registry, "fetch", fetch)
    with pytest.raises(StepFailed, match="does not answer"):
        room.run()
    assert not room.decision.exists()


def test_the_student_is_read_as_evaluate_wrote_it(inspection: Any) -> None:
    ids, labels, probabilities = predictions.read(inspection.evaluation / "predictions.parquet", "student")
    assert len(ids) == len(labels) == len(probabilities) == 30
