from __future__ import annotations

import json
from pathlib import Path

from dfpt import files
from dfpt.runtime import shown


def test_the_confusion_matrix_is_the_students_and_leaves_a_file_that_the_cache_can_find(tmp_path: Path) -> None:
    models = {name: {"confusion": [[number, 1], [2, 3]]} for number, name in enumerate(("teacher", "student"))}
    files.write_json(tmp_path / "report.json", {"classes": ["good", "bad"], "models": models})
    found = shown.confusion_matrix(str(tmp_path), str(tmp_path / "confusion"))
    assert found == (["good", "bad"], [[1, 1], [2, 3]])
    assert json.loads((tmp_path / "confusion").read_text()) == found[1]


def test_the_summary_says_what_was_asked_and_why_not(tmp_path: Path) -> None:
    checks = [
        {"name": "accuracy", "asked": 0.8, "found": 0.75, "passed": False, "reason": "75 % | below\n80 %."},
        {"name": "report", "asked": None, "found": None, "passed": True, "reason": "Complete."},
    ]
    gate = {"outcome": "fail", "weights_sha256": "ab" * 32, "checks": checks, "champion": {"version": 3}}
    files.write_json(tmp_path / "gate.json", gate)
    shown.summary(str(tmp_path), str(tmp_path / "summary"))
    text = (tmp_path / "summary").read_text()
    assert text.startswith("# The gate said fail\n\nStudent `abababababab`, champion: version 3\n")
    assert "| accuracy | 0.8 | 0.75 | **no** | 75 % \\| below 80 %. |" in text
    assert "| report |  |  | yes | Complete. |" in text


def test_a_gate_without_champion_and_weights_has_a_summary_too(tmp_path: Path) -> None:
    files.write_json(
        tmp_path / "gate.json", {"outcome": "fail", "weights_sha256": None, "checks": [], "champion": None}
    )
    shown.summary(str(tmp_path), str(tmp_path / "summary"))
    assert "Student `unknown`, champion: none yet" in (tmp_path / "summary").read_text()
