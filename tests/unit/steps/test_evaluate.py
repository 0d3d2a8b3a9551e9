from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from dfpt import files, models
from dfpt.config import EvaluateConfig, Evaluation
from dfpt.context import Context
from dfpt.datasets import load
from dfpt.errors import StepFailed, UsageError
from dfpt.evaluation import schema
from dfpt.models.backbone import count_parameters
from dfpt.steps import evaluate

CONFIG = EvaluateConfig(seed=0, evaluation=Evaluation(bootstrap=200, latency_runs=3))


def report(evaluation: Path) -> dict[str, Any]:
    found, problem = schema.read(evaluation / "report.json")
    assert problem is None
    return found


def test_the_report_says_what_the_real_networks_do(inspection: Any) -> None:
    found = report(inspection.evaluation)
    assert found["images"] == {"train": 60, "val": 29, "test": 30}
    student, baseline = found["models"]["student"], found["models"]["baseline"]
    assert (student["accuracy"], student["binary_accuracy"], student["defect_recall"]) == (1, 1, 1)
    assert student["confusion"] == [[10, 0, 0], [0, 10, 0], [0, 0, 10]]
    assert set(student["slices"]) == {"wafer=mono", "wafer=poly"}
    assert baseline["accuracy"] < 0.6
    assert found["comparisons"]["student-teacher"]["accuracy"] == {"difference": 0, "low": 0, "high": 0}
    assert found["weights_sha256"] == files.sha256(inspection.good / "model.safetensors")


def test_the_suite_is_asked_of_all_three_on_the_same_images(inspection: Any) -> None:
    found = report(inspection.evaluation)["robustness"]
    assert found["images"] == 30
    for name, rate in found["clean"].items():
        assert rate == report(inspection.evaluation)["models"][name]["accuracy"]
    for strengths in found["corrupted"].values():
        for at in strengths.values():
            assert at["teacher"] == at["student"]  # the same network
    darkest = found["corrupted"]["darkness"]["5"]
    assert darkest["student"] < found["clean"]["student"]  # its classes are shades of grey
    assert inspection.metrics["student_corrupted_accuracy"] == found["mean"]["student"] < 1


def test_a_licence_that_nobody_stated_is_unknown_and_is_said(inspection: Any) -> None:
    found = report(inspection.evaluation)
    assert (found["data_licence"], found["teacher_licence"]) == ("unknown", "unknown")
    assert "of the data unknown" in (inspection.evaluation / "evaluation.html").read_text()


@pytest.mark.parametrize(
    ("own", "found"),
    [
        (None, "MIT"),
        ("MIT", "MIT"),
        ("Apache-2.0", "MIT AND Apache-2.0"),
    ],
)
def test_the_weights_that_the_student_began_with_are_part_of_the_licence(
    tmp_path: Path, own: str | None, found: str
) -> None:
    for name, licence in (("teacher", "MIT"), ("student", own)):
        model = models.create("tiny_20k", 3, 1, 8)
        spec = models.ModelSpec("tiny_20k", 1, 8, 0.5, 0.2, ("a", "b", "c"), count_parameters(model), licence=licence)
        models.save(model, spec, tmp_path / name)
    assert evaluate.licence_of(tmp_path / "teacher", tmp_path / "student") == found


def test_so_many_images_are_corrupted_as_the_configuration_says_and_none_if_it_says_so(
    inspection: Any, tmp_path: Path
) -> None:
    inputs = inspection.inputs(teacher=inspection.good, baseline=inspection.poor, student=inspection.good)
    for most, expected in ((7, 7), (0, None)):
        config = EvaluateConfig(seed=0, evaluation=Evaluation(bootstrap=20, latency_runs=1, robustness_images=most))
        evaluate.run(inputs, {"evaluation": tmp_path}, config, Context(tmp_path, tmp_path))
        found = report(tmp_path).get("robustness")
        assert (None if found is None else found["images"]) == expected


def test_the_predictions_are_those_of_the_accepted_test_images(inspection: Any) -> None:
    found = pd.read_parquet(inspection.evaluation / "predictions.parquet")
    accepted = pd.read_parquet(inspection.validation / "manifest.parquet")
    assert found["id"].tolist() == accepted.loc[accepted["split"] == "test", "id"].tolist()
    assert list(found) == ["id", "label", "sha256", "wafer", "teacher", "baseline", "student"]
    student = np.stack(found["student"].to_list())
    assert student.dtype == np.float32
    assert student.sum(axis=1) == pytest.approx(np.ones(30), abs=1e-6)
    assert (student.argmax(axis=1) == found["label"]).all()


def test_the_metrics_are_the_figures_that_runs_are_compared_by(inspection: Any) -> None:
    metrics = inspection.metrics
    assert metrics["student_accuracy"] == metrics["teacher_accuracy"] == metrics["student_binary_accuracy"] == 1
    assert metrics["gain_over_baseline"] == pytest.approx(1 - metrics["baseline_accuracy"])
    assert metrics["drop_against_teacher"] == 0
    assert metrics["student_latency_seconds"] > 0
    assert metrics["student_parameters"] == models.load(inspection.good)[1].parameters


def test_the_same_inputs_give_the_same_report_but_for_the_latency(inspection: Any, tmp_path: Path) -> None:
    inputs = inspection.inputs(teacher=inspection.good, baseline=inspection.poor, student=inspection.good)
    evaluate.run(inputs, {"evaluation": tmp_path}, CONFIG, Context(tmp_path, tmp_path))
    one, two = report(inspection.evaluation), report(tmp_path)
    for model in (*one["models"].values(), *two["models"].values()):
        del model["latency_seconds"]
    assert one == two
    name = "predictions.parquet"
    assert (tmp_path / name).read_bytes() == (inspection.evaluation / name).read_bytes()
    assert "made-up" in (tmp_path / "evaluation.html").read_text()


def test_a_model_of_other_classes_is_refused_by_name(inspection: Any, tmp_path: Path) -> None:
    shutil.copytree(inspection.good, tmp_path / "foreign")
    spec = json.loads((tmp_path / "foreign/model.json").read_text())
    (tmp_path / "foreign/model.json").write_text(json.dumps(spec | {"classes": ["cat", "dog", "bird"]}))
    inputs = inspection.inputs(teacher=inspection.good, baseline=tmp_path / "foreign", student=inspection.good)
    with pytest.raises(UsageError, match="cat, dog, bird"):
        evaluate.run(inputs, {"evaluation": tmp_path / "out"}, CONFIG, Context(tmp_path, tmp_path))


def test_a_model_that_was_trained_on_other_data_is_not_judged_by_this(inspection: Any, tmp_path: Path) -> None:
    network, spec = models.load(inspection.good)
    models.save(network, dataclasses.replace(spec, data_hash="0" * 64), tmp_path / "other")
    inputs = inspection.inputs(teacher=inspection.good, baseline=inspection.good, student=tmp_path / "other")
    with pytest.raises(UsageError, match="was trained on other data or another split"):
        evaluate.run(inputs, {"evaluation": tmp_path / "out"}, CONFIG, Context(tmp_path, tmp_path))


def test_a_validation_of_other_images_is_refused(inspection: Any, tmp_path: Path) -> None:
    shutil.copytree(inspection.validation, tmp_path / "validation")
    table = pd.read_parquet(tmp_path / "validation" / "manifest.parquet")
    for column, other in (("id", "another"), ("sha256", "f" * 64), ("row", 10_000)):
        table.assign(**{column: [other, *table[column][1:]]}).to_parquet(tmp_path / "validation" / "manifest.parquet")
        with pytest.raises(UsageError, match="does not belong to"):
            load(inspection.dataset, tmp_path / "validation")


def test_a_diverged_student_is_an_error_and_leaves_no_report(inspection: Any, tmp_path: Path) -> None:
    network, spec = models.load(inspection.good)
    with torch.no_grad():
        next(network.head.parameters()).fill_(float("nan"))
    models.save(network, spec, tmp_path / "diverged")
    inputs = inspection.inputs(teacher=inspection.good, baseline=inspection.poor, student=tmp_path / "diverged")
    with pytest.raises(StepFailed, match="student's outputs are not finite"):
        evaluate.run(inputs, {"evaluation": tmp_path / "out"}, CONFIG, Context(tmp_path, tmp_path))
    assert not (tmp_path / "out").exists()


def test_a_cancelled_evaluation_stops(inspection: Any, tmp_path: Path) -> None:
    inputs = inspection.inputs(teacher=inspection.good, baseline=inspection.poor, student=inspection.good)
    with pytest.raises(StepFailed, match="Cancelled"):
        evaluate.run(inputs, {"evaluation": tmp_path}, CONFIG, Context(tmp_path, tmp_path, cancelled=lambda: True))
