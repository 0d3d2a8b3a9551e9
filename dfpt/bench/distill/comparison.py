"""The stored cells, read again, and two methods held against each other.

A difference is paired: both students were taught by one teacher, tested on the same images, and drawn with one seed.
Its interval is by bootstrap over images and over runs (a run is a partition with a seed), both drawn with replacement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dfpt.bench import steps
from dfpt.bench.distill import answers
from dfpt.bench.distill.answers import Answers
from dfpt.bench.distill.cells import BLOCK
from dfpt.evaluation import calibration, metrics

RESAMPLES = 10_000
LEVEL = 0.95

Run = tuple[int, int]  # partition, seed
Kept = tuple[dict[str, Any], Answers]
Stored = list[Kept]


def stored(folder: Path) -> Stored:
    """Every cell of a tier: its record and its answers."""
    return [
        (steps.read(path.with_name(f"{path.name.removesuffix('.jsonl.gz')}.json")), answers.read(path))
        for path in sorted(folder.glob("*.jsonl.gz"))
    ]


def of(cells: Stored, method: str) -> Stored:
    """Those of a method, but for the block split, which is another question."""
    return [(record, said) for record, said in cells if record["method"] == method and record["partition"] != BLOCK]


def figures(record: Mapping[str, Any], said: Answers) -> dict[str, float]:
    """What a cell's answers come to, and what was measured while it was trained."""
    from sklearn.metrics import cohen_kappa_score

    called = said.probabilities.argmax(1)
    found = metrics.figures(said.probabilities, said.labels, record["positive"])
    del found["confusion"]
    found["quadratic_kappa"] = float(cohen_kappa_score(said.labels, called, weights="quadratic"))
    found["ece"] = calibration.expected_calibration_error(calibration.reliability(said.probabilities, said.labels))
    for kind, answered in said.corrupted.items():
        found[f"accuracy_under_{kind}"] = float(np.mean(answered == said.labels))
    return found | dict(record["metrics"])


def paired(own: Stored, reference: Stored) -> list[tuple[Kept, Kept]]:
    """Cells of one partition, fold and seed, from both."""
    theirs = {_key(cell): cell for cell in reference}
    return [(cell, theirs[_key(cell)]) for cell in own if _key(cell) in theirs]


def difference(own: Stored, reference: Stored) -> tuple[float | None, tuple[float, float] | None, int]:
    """Accuracy of ``own`` less that of ``reference``, its interval, and of how many pairs; None where there is none."""
    pairs = paired(own, reference)
    if not pairs:
        return None, None, 0
    by_run: dict[Run, dict[str, float]] = defaultdict(dict)
    for (record, mine), (_, other) in pairs:
        hits = mine.hits - other.hits
        by_run[record["partition"], record["seed"]] |= dict(zip(mine.ids, hits, strict=True))
    means = [float((mine.hits - other.hits).mean()) for (_, mine), (_, other) in pairs]
    return float(np.mean(means)), interval(list(by_run.values())), len(pairs)


def interval(runs: list[Mapping[str, float]]) -> tuple[float, float]:
    """Of the mean over runs and images; a run need not have asked all images."""
    ids = sorted(set().union(*runs))
    found = np.array([[run.get(name, np.nan) for name in ids] for run in runs])  # (R, N)
    asked, value = ~np.isnan(found), np.nan_to_num(found)
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES):
        image_N = np.bincount(random.integers(len(ids), size=len(ids)), minlength=len(ids))
        run_R = np.bincount(random.integers(len(runs), size=len(runs)), minlength=len(runs))
        weight = float(run_R @ (asked @ image_N))
        if weight:
            drawn.append(float(run_R @ (value @ image_N)) / weight)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _key(cell: Kept) -> tuple[int, int, int]:
    record, _ = cell
    return record["partition"], record["fold"], record["seed"]
