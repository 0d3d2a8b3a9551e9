"""The confirm tier: the few that matter, each with its screened setting, on partitions of their own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dfpt.bench.distill import cells, sharing
from dfpt.bench.distill.cells import BLOCK, CONFIRMED, Cell
from dfpt.bench.distill.methods import CONTROL, OURS, VARIANTS
from dfpt.bench.distill.screening import screened
from dfpt.bench.distill.sharing import Told
from dfpt.bench.distill.suites import Suite


def confirm(suite: Suite, out: Path, home: Path, told: Told) -> None:
    """Compute the cells that ``out`` lacks; all methods of a fold before the next one, so that pairs are whole early.

    Raises:
        UsageError: a method of the suite has not been screened.
    """
    settings = {method: screened(method, out)["setting"] for method in confirmed(suite, out)}
    work = {
        cell.name: partial(cells.compute, suite, cell, settings[cell.method], CONFIRMED, out / CONFIRMED, home)
        for cell in plan(suite, tuple(settings))
    }
    sharing.each(work, cells.locks(suite, CONFIRMED, home), told)


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
