"""The ablations: our method with one decision changed, on the development partition's validation images.

Each has the setting that the unchanged method was screened with, and the same seeds, so that a difference is paired.
Among them are the controls of the adaptation: paths that are one map of the original logits for every input.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dfpt.bench.distill import cells, sharing
from dfpt.bench.distill.cells import ABLATED, Cell
from dfpt.bench.distill.methods import BASE
from dfpt.bench.distill.screening import screened
from dfpt.bench.distill.sharing import Told
from dfpt.bench.distill.suites import Suite


def ablate(suite: Suite, out: Path, home: Path, told: Told) -> None:
    """Compute the cells that ``out`` lacks; every change once before the second seed. Nothing where none is asked for.

    Raises:
        UsageError: the unchanged method has not been screened.
    """
    if not suite.ablations:
        return
    setting = screened(suite, BASE, out)["setting"]
    wanted = [
        Cell(name, suite.development, 0, seed)
        for seed in range(suite.ablation_seeds)
        for name in (BASE, *suite.ablations)
    ]
    work = {cell.name: partial(cells.compute, suite, cell, setting, ABLATED, out / ABLATED, home) for cell in wanted}
    sharing.each(work, cells.locks(suite, ABLATED, home), told)
