"""One stored cell computed again: anybody can hold a row of the benchmark against his own machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dfpt.bench.distill import answers, cells
from dfpt.bench.distill.cells import ABLATED, CONFIRMED, SCREENED, Cell
from dfpt.bench.distill.methods import BASE, METHODS
from dfpt.bench.distill.screening import screened
from dfpt.bench.distill.suites import Suite
from dfpt.errors import UsageError


def rerun(suite: Suite, cell: Cell, out: Path, home: Path, into: Path) -> dict[str, Any]:
    """Compute a stored cell again, into another folder, and hold its answers against the stored ones.

    Its data and teacher are trained again too where ``home`` does not have them.

    Raises:
        UsageError: the cell is not stored.
    """
    tier = _tier(cell, out)
    stored = answers.read(out / tier / f"{cell.name}.jsonl.gz")
    setting = screened(cell.method if cell.method in METHODS else BASE, out)["setting"]
    (into / tier / f"{cell.name}.json").unlink(missing_ok=True)  # of an earlier call
    cells.compute(suite, cell, setting, tier, into / tier, home / "rerun")
    again = answers.read(into / tier / f"{cell.name}.jsonl.gz")
    before, after = stored.probabilities.argmax(1), again.probabilities.argmax(1)
    return {
        "cell": str(cell),
        "tier": tier,
        "same_images": stored.ids == again.ids,
        "stored_accuracy": float(np.mean(before == stored.labels)),
        "accuracy": float(np.mean(after == again.labels)),
        "same_answers": float(np.mean(before == after)) if stored.ids == again.ids else 0.0,
    }


def _tier(cell: Cell, out: Path) -> str:
    """Where the cell is stored; on the development partition ours is both screened and ablated: the first counts."""
    for tier in (CONFIRMED, SCREENED, ABLATED):
        if (out / tier / f"{cell.name}.json").exists():
            return tier
    known = sorted(path.name for tier in (CONFIRMED, SCREENED, ABLATED) for path in (out / tier).glob("*.jsonl.gz"))
    example = f", such as {known[0].removesuffix('.jsonl.gz').replace('-', ':')}" if known else ""
    raise UsageError(
        f"The cell {cell} is not stored in {out}.",
        f"Name one of the {len(known)} that are{example}, or compute it: --tier confirm.",
    )
