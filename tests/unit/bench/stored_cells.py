"""Cells of the benchmark of methods, stored without training anything."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from dfpt.bench.distill import SUITES, Suite, answers, cells, screening
from dfpt.bench.distill.answers import Answers
from dfpt.bench.distill.cells import Cell
from dfpt.bench.distill.methods import BASE, METHODS

ELPV = SUITES["elpv"]
METRICS = {
    "training_seconds": 10.0,
    "tuning_seconds": 0.0,
    "prompt_path_gap": 0.06,
    "original_path_gap": 0.1,
    "prompt_path_accuracy": 0.78,
    "original_path_accuracy": 0.77,
}


def said(called: list[int], labels: list[int], corrupted: list[int] | None = None) -> Answers:
    probabilities = np.full((len(called), 3), 0.1)
    probabilities[np.arange(len(called)), called] = 0.8
    ids = tuple(f"image-{number}" for number in range(len(called)))
    return Answers(ids, np.array(labels), probabilities, {"noise": np.array(corrupted or called)})


def stored(
    out: Path,
    tier: str,
    cell: Cell,
    found: Answers,
    suite: Suite = ELPV,
    folder: Path | None = None,
    **metrics: float,
) -> None:
    """A cell as it would be trained now, and a screen of its method that found nothing to set."""
    folder = folder or out / tier
    folder.mkdir(parents=True, exist_ok=True)
    answers.write(folder / f"{cell.name}.jsonl.gz", found)
    record: dict[str, Any] = {"method": cell.method, "partition": cell.partition, "fold": cell.fold, "seed": cell.seed}
    record |= {"teacher_sha256": f"of {cell.partition}-{cell.fold}", "code_revision": "now"}
    record["machine"] = {"processor": "of a test", "date": "2026-11-30"}
    configured = dataclasses.replace(cell, method="plain") if cell.method == "teacher" else cell
    epochs = suite.rungs[-1] if tier == "screened" else suite.epochs
    val = suite.development_val if tier in ("screened", "ablated") else None
    setting = {} if cell.method == "teacher" else METHODS.get(cell.method, METHODS[BASE]).defaults
    record["config"] = cells.configured(suite, configured, setting, epochs, val).model_dump(mode="json")
    record |= {"positive": [2], "metrics": METRICS | metrics}
    (folder / f"{cell.name}.json").write_text(json.dumps(record))
    screened(out, cell.method if cell.method in METHODS else BASE)


def screened(out: Path, method: str, **found: Any) -> None:
    """The result of a search; without ``found`` only where there is none."""
    path = out / "screened" / f"{method}.json"
    path.parent.mkdir(exist_ok=True)
    if found or not path.exists():
        setting = METHODS[method].defaults
        none: dict[str, Any] = {"setting": setting, "at_edge": [], "score": 0.5, "defaults_score": 0.5, "trials": []}
        path.write_text(json.dumps({"method": method, **none, **found}))


def trials_of(method: str) -> list[dict[str, Any]]:
    """As they would be drawn now, each trained with every schedule."""
    rungs = [{"epochs": epochs, "score": 0.5} for epochs in ELPV.rungs]
    return [{"setting": setting, "rungs": rungs} for setting in screening.settings(ELPV, method)]
