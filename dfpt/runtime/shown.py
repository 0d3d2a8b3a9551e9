"""What Kubeflow's own pages show of a step: the confusion matrix, the gate's answer in a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def confusion_matrix(evaluation: str, to: str) -> tuple[list[str], list[list[int]]]:
    """The classes, and the student's counts on the test split: a row for each true class.

    Args:
        evaluation: the folder of the step evaluate.
        to: the artifact's own file; an artifact without one is never taken from the cache.
    """
    report: dict[str, Any] = json.loads((Path(evaluation) / "report.json").read_text(encoding="utf-8"))
    matrix = report["models"]["student"]["confusion"]
    Path(to).write_text(json.dumps(matrix), encoding="utf-8")
    return report["classes"], matrix


def summary(decision: str, to: str) -> None:
    """The gate's answer as Markdown: what was asked, what was found, and why."""
    gate: dict[str, Any] = json.loads((Path(decision) / "gate.json").read_text(encoding="utf-8"))
    lines = [
        f"# The gate said {gate['outcome']}",
        "",
        f"Student `{(gate['weights_sha256'] or 'unknown')[:12]}`, champion: "
        + (f"version {gate['champion']['version']}" if gate["champion"] else "none yet"),
        "",
        "| check | asked | found | | reason |",
        "|---|---|---|---|---|",
    ]
    for check in gate["checks"]:
        asked, found = ("" if check[key] is None else f"{check[key]:g}" for key in ("asked", "found"))
        reason = check["reason"].replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {check['name']} | {asked} | {found} | {'yes' if check['passed'] else '**no**'} | {reason} |")
    Path(to).write_text("\n".join(lines) + "\n", encoding="utf-8")
