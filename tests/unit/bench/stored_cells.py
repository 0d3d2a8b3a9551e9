"""Cells of the benchmark of methods, stored without training anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from dfpt.bench.distill import answers
from dfpt.bench.distill.answers import Answers
from dfpt.bench.distill.cells import Cell

METRICS = {
    "training_seconds": 10.0,
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


def stored(folder: Path, cell: Cell, found: Answers, **metrics: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    answers.write(folder / f"{cell.name}.jsonl.gz", found)
    record: dict[str, Any] = {"method": cell.method, "partition": cell.partition, "fold": cell.fold, "seed": cell.seed}
    record |= {"positive": [2], "metrics": METRICS | metrics}
    (folder / f"{cell.name}.json").write_text(json.dumps(record))
