"""The confirm tier: the few that matter, each with its screened setting, on partitions of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dfpt.bench.distill import answers, cells
from dfpt.bench.distill.cells import BLOCK, CONFIRMED, Cell, Told
from dfpt.bench.distill.methods import CONTROL, OURS, VARIANTS
from dfpt.bench.distill.screening import screened
from dfpt.bench.distill.suites import Suite


def confirm(suite: Suite, out: Path, home: Path, told: Told) -> None:
    """Compute the cells that ``out`` lacks; all methods of a fold before the next one, so that pairs are whole early.

    Raises:
        UsageError: a method of the suite has not been screened.
    """
    wanted = plan(suite, confirmed(suite, out))
    for number, cell in enumerate(wanted):
        told(number, len(wanted), str(cell))
        cells.compute(suite, cell, screened(cell.method, out)["setting"], CONFIRMED, out / CONFIRMED, home)
    told(len(wanted), len(wanted), "all")


def confirmed(suite: Suite, out: Path) -> tuple[str, ...]:
    """The methods of this tier: plain, KD, the best rivals on validation images, the control, ours."""
    scores = {method: screened(method, out)["score"] for method in suite.methods}
    always = [method for method in ("plain", "kd", CONTROL, *OURS) if method in scores]
    others = scores.keys() - set(always) - set(VARIANTS)
    rivals = sorted(others, key=lambda method: scores[method], reverse=True)[: suite.rivals]
    return tuple(method for method in suite.methods if method in always or method in rivals)


def plan(suite: Suite, methods: tuple[str, ...]) -> list[Cell]:
    """Every cell in the order in which it is computed."""
    folds = [(partition, fold) for partition in suite.partitions for fold in range(suite.folds)]
    found = [
        Cell(method, partition, fold, seed)
        for seed in range(suite.seeds)
        for partition, fold in folds
        for method in methods
    ]
    return found + [Cell(method, BLOCK, 0, seed) for seed in range(suite.seeds) for method in methods]


def rerun(suite: Suite, cell: Cell, out: Path, home: Path, into: Path) -> dict[str, Any]:
    """Compute a stored cell again, into another folder, and hold its answers against the stored ones.

    Its data and teacher are trained again too where ``home`` does not have them.

    Raises:
        UsageError: the cell is not stored.
    """
    stored = answers.read(out / CONFIRMED / f"{cell.name}.jsonl.gz")
    setting = screened(cell.method, out)["setting"]
    (into / CONFIRMED / f"{cell.name}.json").unlink(missing_ok=True)  # of an earlier call
    cells.compute(suite, cell, setting, CONFIRMED, into / CONFIRMED, home / "rerun")
    again = answers.read(into / CONFIRMED / f"{cell.name}.jsonl.gz")
    before, after = stored.probabilities.argmax(1), again.probabilities.argmax(1)
    return {
        "cell": str(cell),
        "same_images": stored.ids == again.ids,
        "stored_accuracy": float(np.mean(before == stored.labels)),
        "accuracy": float(np.mean(after == again.labels)),
        "same_answers": float(np.mean(before == after)) if stored.ids == again.ids else 0.0,
    }
