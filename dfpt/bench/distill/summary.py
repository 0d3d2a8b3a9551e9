"""Every figure of the benchmark from the stored answers: means over cells, differences to KD with intervals.

A difference is paired: both students were taught by one teacher, tested on the same images, and drawn with one seed.
Its interval is by bootstrap over images and over runs (a run is a partition with a seed), both drawn with replacement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfpt import files
from dfpt.bench import steps
from dfpt.bench.distill import answers
from dfpt.bench.distill.answers import Answers
from dfpt.bench.distill.cells import BLOCK, CONFIRMED, SCREENED
from dfpt.bench.distill.methods import METHODS
from dfpt.errors import UsageError
from dfpt.evaluation import calibration, metrics

REFERENCE = "kd"
RESAMPLES = 10_000
_LEVEL = 0.95

Run = tuple[int, int]  # partition, seed
Stored = list[tuple[dict[str, Any], Answers]]


def summarise(out: Path) -> dict[str, Any]:
    """The summary of the stored cells, also written beside them as ``summary.json``.

    Raises:
        UsageError: ``out`` has no cells, or a damaged one.
    """
    confirmed, screened = (_stored(out / tier) for tier in (CONFIRMED, SCREENED))
    if not confirmed and not screened:
        raise UsageError(f"{out} holds no cells.", "Run the benchmark without --summarise.")
    rows = [
        _row(method, tier, cells, reference=_of(cells, REFERENCE))
        for tier, cells in ((CONFIRMED, confirmed), (SCREENED, screened))
        for method in METHODS
        if _of(cells, method)
    ]
    summary = {"reference": REFERENCE, "resamples": RESAMPLES, "level": _LEVEL, "methods": rows}
    files.write_json(out / "summary.json", summary)
    return summary


def _stored(folder: Path) -> Stored:
    return [
        (steps.read(path.with_name(f"{path.name.removesuffix('.jsonl.gz')}.json")), answers.read(path))
        for path in sorted(folder.glob("*.jsonl.gz"))
    ]


def _of(cells: Stored, method: str) -> Stored:
    return [(record, said) for record, said in cells if record["method"] == method and record["partition"] != BLOCK]


def _row(method: str, tier: str, cells: Stored, reference: Stored) -> dict[str, Any]:
    own = _of(cells, method)
    every = [_figures(record, said) for record, said in own]
    row: dict[str, Any] = {"method": method, "tier": tier, "cells": len(own)}
    for figure in every[0]:
        values = [found[figure] for found in every]
        row |= {f"{figure}_mean": float(np.mean(values)), f"{figure}_std": _std(values)}
    block = [
        _figures(record, said)["accuracy"]
        for record, said in cells
        if record["method"] == method and record["partition"] == BLOCK
    ]
    if block:
        row |= {"block_accuracy_mean": float(np.mean(block)), "block_cells": len(block)}
    return row | difference(own, reference)


def _figures(record: Mapping[str, Any], said: Answers) -> dict[str, float]:
    from sklearn.metrics import cohen_kappa_score

    called = said.probabilities.argmax(1)
    found = metrics.figures(said.probabilities, said.labels, record["positive"])
    del found["confusion"]
    found["quadratic_kappa"] = float(cohen_kappa_score(said.labels, called, weights="quadratic"))
    found["ece"] = calibration.expected_calibration_error(calibration.reliability(said.probabilities, said.labels))
    for kind, answered in said.corrupted.items():
        found[f"accuracy_under_{kind}"] = float(np.mean(answered == said.labels))
    return found | dict(record["metrics"])


def difference(own: Stored, reference: Stored) -> dict[str, Any]:
    """Accuracy of ``own`` less that of ``reference`` over the cells that both have; None where there is none."""
    theirs = {_key(record): said for record, said in reference}
    pairs = [(record, said, theirs[_key(record)]) for record, said in own if _key(record) in theirs]
    if not pairs:
        return {"delta_vs_kd": None, "delta_vs_kd_ci": None, "pairs": 0}
    by_run: dict[Run, dict[str, float]] = defaultdict(dict)
    for record, mine, other in pairs:
        hits = _hits(mine) - _hits(other)
        by_run[record["partition"], record["seed"]] |= dict(zip(mine.ids, hits, strict=True))
    low, high = interval(list(by_run.values()))
    means = [float((_hits(mine) - _hits(other)).mean()) for _, mine, other in pairs]
    return {"delta_vs_kd": float(np.mean(means)), "delta_vs_kd_ci": [low, high], "pairs": len(pairs)}


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
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


def _hits(said: Answers) -> NDArray[np.float64]:
    hits: NDArray[np.float64] = (said.probabilities.argmax(1) == said.labels).astype(np.float64)
    return hits


def _key(record: Mapping[str, Any]) -> tuple[int, int, int]:
    return record["partition"], record["fold"], record["seed"]


def _std(values: Iterable[float]) -> float | None:
    values = list(values)
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
