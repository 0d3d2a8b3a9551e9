from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dfpt.cli import summary
from pipelines.local import Run

FIGURES = {"accuracy": 0.9, "macro_f1": 0.8, "parameters": 20000, "latency_seconds": 0.001}


@pytest.fixture
def done(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    content: dict[str, tuple[str, Any]] = {
        "evaluation": ("report.json", {"weights_sha256": "a" * 64, "models": dict.fromkeys(summary.MODELS, FIGURES)}),
        "decision": ("gate.json", {"outcome": "pass", "checks": [{"name": "a", "passed": True, "reason": "good"}]}),
        "registration": (
            "registration.json",
            {"name": "digits", "version": "7", "status": "pending", "created": True},
        ),
    }
    for name, (file, value) in content.items():
        run.outputs[name] = tmp_path / name
        run.outputs[name].mkdir()
        (run.outputs[name] / file).write_text(json.dumps(value))
    run.seconds = {"gate": 1.0, "register": 2.0}
    return run


def said(done: Run, capsys: pytest.CaptureFixture[str]) -> str:
    summary.show(summary.result(done, 75))
    return capsys.readouterr().out


def test_a_candidate_is_shown_beside_teacher_and_baseline_with_the_next_commands(
    done: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(done, capsys)
    assert "digits version 7 is registered and waits for approval" in text
    assert "dfpt up" in text
    assert "dfpt model approve digits 7" in text
    assert text.count("90.0%") == 3
    assert "macro F1" in text
    assert "defect recall" not in text  # the task has no positive classes
    assert "1 min 15 s" in text


def test_a_closed_gate_is_shown_with_its_reasons(done: Run, capsys: pytest.CaptureFixture[str]) -> None:
    del done.outputs["registration"]
    checks = [{"passed": False, "reason": "too slow"}, {"passed": True, "reason": "good"}]
    (done.outputs["decision"] / "gate.json").write_text(json.dumps({"outcome": "fail", "checks": checks}))
    text = said(done, capsys)
    assert "too slow" in text
    assert "good" not in text
    assert "approve" not in text
    assert summary.result(done, 1)["status"] == "refused"


def test_an_unreadable_report_does_not_hide_the_gates_answer(done: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (done.outputs["evaluation"] / "report.json").write_text("{")
    assert "digits version 7" in said(done, capsys)


@pytest.mark.parametrize(
    ("ended", "words"),
    [("expired", "nobody decided"), ("withdrawn", "was withdrawn"), ("superseded", "a newer version was promoted")],
)
def test_a_candidate_that_was_asked_for_again_says_why(
    done: Run, ended: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    value = {"name": "digits", "version": "7", "status": "pending", "created": False, "asked_again_after": ended}
    (done.outputs["registration"] / "registration.json").write_text(json.dumps(value))
    text = said(done, capsys)
    assert "digits version 7 was registered before and waits for approval" in text
    assert words in text
    assert summary.result(done, 1)["asked_again_after"] == ended
    assert "gate said no" not in text


@pytest.mark.parametrize(("status", "words"), [("promoted", "in production"), ("rejected", "was rejected")])
def test_a_version_that_was_decided_on_before_says_so(
    done: Run, status: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    value = {"name": "digits", "version": "7", "status": status, "created": False}
    (done.outputs["registration"] / "registration.json").write_text(json.dumps(value))
    assert words in said(done, capsys)
