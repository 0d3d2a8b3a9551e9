"""The confirm tier: the few that matter, each with its screened setting, on partitions of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dfpt.bench import steps
from dfpt.bench.distill import answers, cells
from dfpt.bench.distill.cells import BLOCK, CONFIRMED, SCREENED, Cell
from dfpt.bench.distill.methods import CONTROL, OURS, VARIANTS
from dfpt.bench.distill.suites import Suite
from dfpt.errors import UsageError

Told = Callable[[int, int, str], None]  # cells done, of how many, which is next


def confirm(suite: Suite, out: Path, home: Path, told: Told) -> None:
    """Compute the cells that ``out`` lacks; all methods of a fold before the next one, so that pairs are whole early.

    Raises:
        UsageError: a method of the suite has not been screened.
    """
    wanted = plan(suite, confirmed(suite, out))
    for number, cell in enumerate(wanted):
        told(number, len(wanted), str(cell))
        if not (out / CONFIRMED / f"{cell.name}.json").exists():
            _compute(suite, cell, out, out, home)
    told(len(wanted), len(wanted), "all")


def confirmed(suite: Suite, out: Path) -> tuple[str, ...]:
    """The methods of this tier: plain, KD, the best rivals on validation images, the control, ours."""
    scores = {method: _screened(method, out)["score"] for method in suite.methods}
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
    _compute(suite, cell, out, into, home / "rerun")
    again = answers.read(into / CONFIRMED / f"{cell.name}.jsonl.gz")
    before, after = stored.probabilities.argmax(1), again.probabilities.argmax(1)
    return {
        "cell": str(cell),
        "same_images": stored.ids == again.ids,
        "stored_accuracy": float(np.mean(before == stored.labels)),
        "accuracy": float(np.mean(after == again.labels)),
        "same_answers": float(np.mean(before == after)) if stored.ids == again.ids else 0.0,
    }


def _compute(suite: Suite, cell: Cell, out: Path, into: Path, home: Path) -> None:
    setting = _screened(cell.method, out)["setting"]
    config = cells.configured(suite, cell, setting, suite.epochs)
    shared, own, metrics = cells.train(config, home, cell.method)
    cells.store(into / CONFIRMED, cell, CONFIRMED, config, shared, own, metrics)


def _screened(method: str, out: Path) -> dict[str, Any]:
    path = out / SCREENED / f"{method}.json"
    if not path.exists():
        raise UsageError(f"{method} has not been screened.", "Run the tier screen first.")
    return steps.read(path)
