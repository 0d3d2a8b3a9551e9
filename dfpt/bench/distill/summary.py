"""Every figure of the benchmark from the stored answers: means over cells, paired differences with intervals.

A difference is paired: both students were taught by one teacher, tested on the same images, and drawn with one seed.
Its interval is by bootstrap over images and over runs (a run is a partition with a seed), both drawn with replacement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dfpt import files
from dfpt.bench import steps
from dfpt.bench.distill import answers, gap
from dfpt.bench.distill.answers import Answers
from dfpt.bench.distill.cells import ABLATED, BLOCK, CONFIRMED, SCREENED
from dfpt.bench.distill.methods import ABLATIONS, BASE, METHODS
from dfpt.bench.distill.suites import Suite
from dfpt.errors import UsageError
from dfpt.evaluation import calibration, metrics

REFERENCE = "kd"
RESAMPLES = 10_000
_LEVEL = 0.95

Run = tuple[int, int]  # partition, seed
Stored = list[tuple[dict[str, Any], Answers]]


def summarise(suite: Suite, out: Path) -> dict[str, Any]:
    """The summary of the stored cells, also written beside them as ``summary.json``.

    Raises:
        UsageError: ``out`` has no cells, or a damaged one.
    """
    confirmed, screened, ablated = (_stored(out / tier) for tier in (CONFIRMED, SCREENED, ABLATED))
    if not confirmed and not screened:
        raise UsageError(f"{out} holds no cells.", "Run the benchmark without --summarise.")
    rows = [
        _row(method, tier, cells) | _against(cells, method, REFERENCE)
        for tier, cells in ((CONFIRMED, confirmed), (SCREENED, screened))
        for method in METHODS
        if _of(cells, method)
    ]
    ablations = [
        _row(name, ABLATED, ablated) | _against(ablated, name, BASE)
        for name in (BASE, *ABLATIONS)
        if _of(ablated, name)
    ]
    summary = {
        "reference": REFERENCE,
        "resamples": RESAMPLES,
        "level": _LEVEL,
        "methods": rows,
        "ablations": ablations,
        "tuning": [found for method in METHODS if (found := _tuning(out / SCREENED / f"{method}.json"))],
        "gap": gap.summarise(suite, out),
    }
    files.write_json(out / "summary.json", summary)
    return summary


def _tuning(screened: Path) -> dict[str, Any] | None:
    """What the search of a method's setting brought over its defaults, on the validation images it was chosen by."""
    if not screened.exists():
        return None
    found = steps.read(screened)
    kept = {name: found[name] for name in ("method", "setting", "at_edge", "score", "defaults_score")}
    return kept | {"gain_by_tuning": found["score"] - found["defaults_score"], "trials": len(found["trials"])}


def _stored(folder: Path) -> Stored:
    return [
        (steps.read(path.with_name(f"{path.name.removesuffix('.jsonl.gz')}.json")), answers.read(path))
        for path in sorted(folder.glob("*.jsonl.gz"))
    ]


def _of(cells: Stored, method: str) -> Stored:
    return [(record, said) for record, said in cells if record["method"] == method and record["partition"] != BLOCK]


def _row(method: str, tier: str, cells: Stored) -> dict[str, Any]:
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
    return row


def _against(cells: Stored, method: str, reference: str) -> dict[str, Any]:
    delta, interval, pairs = difference(_of(cells, method), _of(cells, reference))
    return {f"delta_vs_{reference}": delta, f"delta_vs_{reference}_ci": interval, "pairs": pairs}


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


def difference(own: Stored, reference: Stored) -> tuple[float | None, tuple[float, float] | None, int]:
    """Accuracy of ``own`` less that of ``reference``, its interval, and of how many pairs; None where there is none."""
    theirs = {_key(record): said for record, said in reference}
    pairs = [(record, said, theirs[_key(record)]) for record, said in own if _key(record) in theirs]
    if not pairs:
        return None, None, 0
    by_run: dict[Run, dict[str, float]] = defaultdict(dict)
    for record, mine, other in pairs:
        hits = mine.hits - other.hits
        by_run[record["partition"], record["seed"]] |= dict(zip(mine.ids, hits, strict=True))
    means = [float((mine.hits - other.hits).mean()) for _, mine, other in pairs]
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
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


def _key(record: Mapping[str, Any]) -> tuple[int, int, int]:
    return record["partition"], record["fold"], record["seed"]


def _std(values: Iterable[float]) -> float | None:
    values = list(values)
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
