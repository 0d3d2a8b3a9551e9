"""One stored cell computed again: anybody can hold a row of the benchmark against his own machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from dfpt import files
from dfpt.bench import steps
from dfpt.bench.distill import answers, cells
from dfpt.bench.distill.cells import ABLATED, CONFIRMED, SCREENED, Cell
from dfpt.config import Config
from dfpt.errors import UsageError


def rerun(cell: Cell, out: Path, home: Path, into: Path) -> dict[str, Any]:
    """Compute a stored cell again, as it is recorded, and hold its answers against the stored ones.

    Data and teacher are made again too. What an interrupted call has trained, the next one takes up.

    Args:
        into: folder of the new answers.

    Raises:
        UsageError: the cell is not stored, or its configuration is that of another version.
    """
    tier = _tier(cell, out)
    stored = answers.read(out / tier / f"{cell.name}.jsonl.gz")
    record = out / tier / f"{cell.name}.json"
    try:
        config = Config.model_validate(steps.read(record)["config"])
    except ValidationError as error:
        raise UsageError(f"{record} was trained by a version with other options.", "Compute the cell anew.") from error
    place = home / "rerun"
    cells.store(into / tier, cell, tier, config, cells.train(config, place, cell.method))
    files.remove(place)
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
        f"Name one of the {len(known)} that are{example}. A call without --rerun computes what a tier lacks; a cell of "
        "the gap sweep has two networks besides and cannot be named.",
    )
