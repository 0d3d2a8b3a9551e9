from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfpt.evaluation import schema


def test_a_report_says_how_the_three_models_compare(good_report: dict[str, Any]) -> None:
    assert {name: model["accuracy"] for name, model in good_report["models"].items()} == {
        "teacher": 0.95,
        "baseline": 0.8,
        "student": 0.9,
    }
    gain = good_report["comparisons"]["student-baseline"]["accuracy"]
    assert gain["difference"] == pytest.approx(0.1)
    assert 0.05 < gain["low"] < 0.1 < gain["high"] < 0.15
    assert good_report["comparisons"]["student-teacher"]["accuracy"]["difference"] == pytest.approx(-0.05)


def test_a_report_as_written_has_its_format(good_report: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(good_report))
    assert schema.read(tmp_path / "report.json") == (good_report, None)


def numbers(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every number in a report."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers(item, (*path, key))
    elif isinstance(value, float):
        yield path


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None, "0.9", True, 2.5e9])
def test_every_figure_of_a_report_is_missed_when_it_is_spoilt(good_report: dict[str, Any], bad: object) -> None:
    paths = list(numbers(good_report))
    assert len(paths) > 50
    for *parents, last in paths:
        if bad == 2.5e9 and last == "latency_seconds":
            continue  # slow, but a number
        spoilt = copy.deepcopy(good_report)
        target = spoilt
        for key in parents:
            target = target[key]
        target[last] = bad
        if (bad is None and last == "defect_recall") or schema.problem(spoilt):
            continue
        pytest.fail(f"{parents} {last} = {bad} was taken for a report")


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda r: r["models"]["student"].update(accuracy=0.95), "confusion matrix of student"),
        (lambda r: r["models"]["student"]["confusion"].pop(), "confusion matrix of student"),
        (lambda r: r["models"]["student"].update(worst_slice=0.99), "worst slice of student"),
        (lambda r: r["models"]["teacher"].pop("binary_accuracy"), "teacher has no binary_accuracy"),
        (lambda r: r["comparisons"].pop("student-baseline"), "student-baseline"),
        (lambda r: r["comparisons"]["student-teacher"]["accuracy"].update(difference=0.2), "student-teacher"),
        (lambda r: r["comparisons"]["student-teacher"]["paired"].update(only_one=3), "do not give its difference"),
        (lambda r: r["comparisons"]["student-teacher"]["paired"].update(p_value=0.5), "p-value of the comparison"),
        (lambda r: r["robustness"]["corrupted"].pop("blur"), "not those of the suite"),
        (lambda r: r["robustness"]["corrupted"]["blur"].pop("2"), "not those of the suite"),
        (lambda r: r["robustness"]["corrupted"]["blur"]["2"].update(value=9.5), "not those of the suite"),
        (lambda r: r["robustness"]["corrupted"]["blur"]["2"].update(student=0.999), "no share of 100 images"),
        (lambda r: r["robustness"]["corrupted"]["blur"]["2"].update(student=0.99), "mean accuracy of student"),
        (lambda r: r["robustness"].update(images=100_000), "more images were corrupted"),
        (lambda r: r.update(weights_sha256="abc"), "weights_sha256"),
        (lambda r: r["models"].pop("teacher"), "models.teacher"),
    ],
)
def test_a_report_that_contradicts_itself_is_none(good_report: dict[str, Any], edit: Any, complaint: str) -> None:
    edited = copy.deepcopy(good_report)
    edit(edited)
    assert complaint in (schema.problem(edited) or "")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_a_file_that_is_no_report_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    found, problem = schema.read(path)
    assert found == {}
    assert "report.json" in (problem or "")


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    assert "report.json" in (schema.read(tmp_path / "report.json")[1] or "")
