"""Every figure of the benchmark from the stored answers: means over cells, differences, what tuning brought, goals."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from dfpt import files
from dfpt.bench import steps
from dfpt.bench.distill import comparison, confirmation, gap, goals
from dfpt.bench.distill.cells import ABLATED, BLOCK, CONFIRMED, SCREENED, TEACHER
from dfpt.bench.distill.comparison import LEVEL, RESAMPLES, Stored
from dfpt.bench.distill.methods import ABLATIONS, BASE, METHODS
from dfpt.bench.distill.sharing import Told
from dfpt.bench.distill.suites import Suite
from dfpt.errors import UsageError

REFERENCE = "kd"


def summarise(suite: Suite, out: Path, told: Told | None = None) -> dict[str, Any]:
    """The summary of the stored cells, also written beside them as ``summary.json``.

    Args:
        told: hears of each row before it is computed: the resampling of a whole benchmark takes half a minute.

    Raises:
        UsageError: ``out`` has no cells of this suite, or a damaged one.
    """
    confirmed, screened, ablated = (comparison.stored(suite, tier, out) for tier in (CONFIRMED, SCREENED, ABLATED))
    if not confirmed and not screened:
        raise UsageError(f"{out} holds no cells of this suite.", "Run the benchmark without --summarise.")
    searched_by = {name for cell in screened for name in cell.said.ids}
    named = [
        (tier, cells, name, reference)
        for tier, cells, names, reference in (
            (CONFIRMED, confirmed, (TEACHER, *METHODS), REFERENCE),
            (SCREENED, screened, (TEACHER, *METHODS), REFERENCE),
            (ABLATED, ablated, (BASE, *ABLATIONS), BASE),
        )
        for name in names
        if comparison.of(cells, name)
    ]
    rows = []
    for done, (tier, cells, name, reference) in enumerate(named):
        if told:
            told(done, len(named), f"{name}, {tier}")
        row = _row(name, tier, cells) | _against(cells, name, reference)
        rows.append(row | (_elsewhere(cells, name, searched_by) if tier == CONFIRMED else {}))
    records = [cell.record for cell in (*confirmed, *screened, *ablated, *gap.stored(suite, out))]
    summary = {
        "reference": REFERENCE,
        "resamples": RESAMPLES,
        "level": LEVEL,
        "methods": [row for row in rows if row["tier"] != ABLATED],
        "ablations": [row for row in rows if row["tier"] == ABLATED],
        "tuning": [found for method in METHODS if (found := _tuning(out / SCREENED / f"{method}.json"))],
        "gap": gap.summarise(suite, out),
        "goals": goals.held(suite, confirmed),
        "code_revisions": sorted({record["code_revision"] for record in records}),
        "machines": _distinct(record["machine"] for record in records),
        "confirmed_cells": sum(cell.record["method"] != TEACHER for cell in confirmed),
        "planned_cells": confirmation.planned(suite),
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


def _distinct(described: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each machine, with its versions and the days that it worked on, once."""
    return [dict(one) for one in sorted({tuple(machine.items()) for machine in described})]


def _row(method: str, tier: str, cells: Stored) -> dict[str, Any]:
    own = comparison.of(cells, method)
    every = [cell.figures for cell in own]
    row: dict[str, Any] = {"method": method, "tier": tier, "cells": len(own)}
    for figure in every[0]:
        values = [found[figure] for found in every]
        row |= {f"{figure}_mean": float(np.mean(values)), f"{figure}_std": _std(values)}
    block = [
        cell.figures["accuracy"]
        for cell in cells
        if cell.record["method"] == method and cell.record["partition"] == BLOCK
    ]
    if block:
        row |= {"block_accuracy_mean": float(np.mean(block)), "block_cells": len(block)}
    return row


def _against(cells: Stored, method: str, reference: str) -> dict[str, Any]:
    delta, interval, pairs = comparison.difference(comparison.of(cells, method), comparison.of(cells, reference))
    return {f"delta_vs_{reference}": delta, f"delta_vs_{reference}_ci": interval, "pairs": pairs}


def _elsewhere(cells: Stored, method: str, searched_by: Collection[str]) -> dict[str, Any]:
    """The difference again, without the images by which settings were chosen: other partitions test them too."""
    delta, interval, _ = comparison.difference(
        comparison.of(cells, method), comparison.of(cells, REFERENCE), searched_by
    )
    return {f"delta_vs_{REFERENCE}_elsewhere": delta, f"delta_vs_{REFERENCE}_elsewhere_ci": interval}


def _std(values: Iterable[float]) -> float | None:
    values = list(values)
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
