"""The stored cells, read again, and two methods held against each other.

A difference is paired: both students were taught by one teacher, tested on the same images, and drawn with one seed.
Its interval is by bootstrap over images and over runs (a run is a partition with a seed), both drawn with replacement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
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


@dataclass(frozen=True)
class Kept:
    """A stored cell: what is recorded of it, and what its student said."""

    record: Mapping[str, Any]
    said: Answers

    @property
    def key(self) -> tuple[int, int, int]:
        """What two cells share that are a pair."""
        return self.record["partition"], self.record["fold"], self.record["seed"]

    @cached_property
    def figures(self) -> dict[str, float]:
        """What the answers come to, and what was measured while the student was trained."""
        from sklearn.metrics import cohen_kappa_score

        said = self.said
        called = said.probabilities.argmax(1)
        found = metrics.figures(said.probabilities, said.labels, self.record["positive"])
        del found["confusion"]
        found["quadratic_kappa"] = float(cohen_kappa_score(said.labels, called, weights="quadratic"))
        found["ece"] = calibration.expected_calibration_error(calibration.reliability(said.probabilities, said.labels))
        for kind, answered in said.corrupted.items():
            found[f"accuracy_under_{kind}"] = float(np.mean(answered == said.labels))
        return found | dict(self.record["metrics"])


Stored = list[Kept]


def stored(folder: Path) -> Stored:
    """Every cell of a tier."""
    return [
        Kept(steps.read(path.with_name(f"{path.name.removesuffix('.jsonl.gz')}.json")), answers.read(path))
        for path in sorted(folder.glob("*.jsonl.gz"))
    ]


def of(cells: Stored, method: str) -> Stored:
    """Those of a method, but for the block split, which is another question."""
    return [cell for cell in cells if cell.record["method"] == method and cell.record["partition"] != BLOCK]


def paired(own: Stored, reference: Stored) -> list[tuple[Kept, Kept]]:
    """Cells of one partition, fold and seed, from both."""
    theirs = {cell.key: cell for cell in reference}
    return [(cell, theirs[cell.key]) for cell in own if cell.key in theirs]


def difference(own: Stored, reference: Stored) -> tuple[float | None, tuple[float, float] | None, int]:
    """Accuracy of ``own`` less that of ``reference``, its interval, and of how many pairs; None where there is none."""
    pairs = paired(own, reference)
    if not pairs:
        return None, None, 0
    by_run: dict[Run, dict[str, float]] = defaultdict(dict)
    means = []
    for mine, other in pairs:
        hits = mine.said.hits - other.said.hits
        by_run[mine.record["partition"], mine.record["seed"]] |= dict(zip(mine.said.ids, hits, strict=True))
        means.append(float(hits.mean()))
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
