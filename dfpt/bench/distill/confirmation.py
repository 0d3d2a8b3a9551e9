"""The confirm tier: the few that matter, each with its screened setting, on partitions of their own."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path

from dfpt.bench.distill import cells, sharing
from dfpt.bench.distill.cells import BLOCK, CONFIRMED, Cell
from dfpt.bench.distill.methods import OURS, VARIANTS
from dfpt.bench.distill.screening import screened
from dfpt.bench.distill.sharing import Told, Work
from dfpt.bench.distill.suites import Suite


def confirm(suite: Suite, out: Path, home: Path, told: Told) -> None:
    """Compute the cells that ``out`` lacks; all of a fold before the next one, so that pairs are whole early.

    Raises:
        UsageError: a method of the suite has not been screened.
    """
    settings = {method: screened(suite, method, out)["setting"] for method in confirmed(suite, out)}
    work: dict[str, dict[str, Work]] = defaultdict(dict)
    for cell in plan(suite, tuple(settings)):
        compute = partial(cells.compute, suite, cell, settings[cell.method], CONFIRMED, out / CONFIRMED, home)
        work[f"{cell.partition}-{cell.fold}"][cell.name] = compute
    sharing.in_groups(work, cells.locks(suite, CONFIRMED, home), told)


def confirmed(suite: Suite, out: Path) -> tuple[str, ...]:
    """The methods of this tier: plain, KD, the best rivals on validation images, ours."""
    scores = {method: screened(suite, method, out)["score"] for method in suite.methods}
    always = [method for method in ("plain", "kd", *OURS) if method in scores]
    others = scores.keys() - set(always) - set(VARIANTS)
    rivals = sorted(others, key=lambda method: scores[method], reverse=True)[: suite.rivals]
    return tuple(method for method in suite.methods if method in always or method in rivals)


def planned(suite: Suite) -> int:
    """How many students the tier asks for, whichever rivals are in it."""
    always = {"plain", "kd", *OURS}.intersection(suite.methods)
    return len(plan(suite, (*always, *["rival"] * suite.rivals)))


def plan(suite: Suite, methods: tuple[str, ...]) -> list[Cell]:
    """Every cell in the order in which it is computed: all that one teacher is needed for, then the next one's."""
    folds: list[tuple[int | str, int]] = [(part, fold) for part in suite.partitions for fold in range(suite.folds)]
    return [
        Cell(method, partition, fold, seed)
        for partition, fold in [*folds, (BLOCK, 0)]
        for seed in range(suite.seeds)
        for method in methods
    ]
