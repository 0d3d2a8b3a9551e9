"""A manifest as the suite looks at it, and the suite's outcomes as a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Any

import numpy as np

from dfpt.datasets.manifest import GROUP
from dfpt.datasets.quarantine import key_of
from dfpt.datasets.splits import SPLITS
from dfpt.datasets.suite import Outcome, Table
from dfpt.datasets.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame

REJECTED = ("id", "path", "reason")  # columns of rejected.csv
KNOWN = ("sha256", "label_name", "position", "refused", "releasable")  # what else is known of a rejected row
SIZES = 10  # sizes of images that the report lists
Report = dict[str, Any]


def rejections(manifest: DataFrame, task: Task, released: Set[str]) -> DataFrame:
    """The rows that are not trained on, with the columns REJECTED and KNOWN.

    ``refused`` are those that could not or may not be read at all: there is nothing of them to keep. Of the others,
    which go into quarantine, those in doubt are ``releasable``, and not here once their keys are in ``released``.
    """
    table = manifest.assign(position=range(len(manifest)))
    broken, classless = table["error"].notna(), ~table["label_name"].isin(task.classes)
    free = [key_of(task.source, *row) in released for row in zip(table["id"], table["sha256"], strict=True)]
    doubtful = table["doubt"].notna() & ~np.array(free, bool)
    reason = table["error"].where(
        broken, table["doubt"].where(doubtful, "label '" + table["label_name"] + "' is no class")
    )
    found = table.assign(
        reason=reason, refused=broken & (table["sha256"] == ""), releasable=doubtful & ~broken & ~classless
    )
    return found.loc[broken | doubtful | classless, [*REJECTED, *KNOWN]]


def tables(manifest: DataFrame, accepted: DataFrame, task: Task) -> dict[Table, DataFrame]:
    """The three tables that the checks look at, with their helper columns; an index names a row to a person."""
    import pandas as pd

    cells = [(name, split) for name in task.classes for split in SPLITS]
    index = {name: number for number, name in enumerate(task.classes)}
    by_hash = accepted.groupby("sha256")
    copies = accepted.groupby(["sha256", "split"])["id"].transform("size")
    groups = {"splits_of_group": accepted.groupby(GROUP)["split"].transform("nunique")} if GROUP in accepted else {}
    sides = accepted[["width", "height"]]
    counted = Counter(zip(accepted["label_name"], accepted["split"], strict=True))
    counts = {f"{name!r} in {split} ({counted[name, split]})": counted[name, split] for name, split in cells}
    looked_at: dict[Table, DataFrame] = {
        "manifest": manifest.assign(
            label_of_name=[index.get(name, -1) for name in manifest["label_name"]],
            held_back=manifest["doubt"].where(~manifest.index.isin(accepted.index)),
        ),
        "accepted": accepted.assign(
            splits_of_image=by_hash["split"].transform("nunique"),
            labels_of_image=by_hash["label"].transform("nunique"),
            copies=copies,
            **groups,
            short_side=sides.min(axis=1),
            aspect=sides.max(axis=1) / sides.min(axis=1),
        ),
    }
    by_id = {table: frame.set_index("id", drop=False).rename_axis(None) for table, frame in looked_at.items()}
    emptiest_first = pd.Series(counts, dtype="int64").sort_values(kind="stable")
    return {**by_id, "classes": pd.DataFrame({"images": emptiest_first})}


def report(task: Task, outcomes: Sequence[Outcome], images: int, accepted: DataFrame, rejected: DataFrame) -> Report:
    """The content of ``validation.json``. The data has passed when no critical check failed."""
    by_cell = Counter(zip(accepted["label_name"], accepted["split"], strict=True))
    sizes = Counter(zip(accepted.get("width", ()), accepted.get("height", ()), strict=True))
    return {
        "source": task.source,
        "data_hash": task.data_hash,
        "passed": all(outcome.passed for outcome in outcomes if outcome.check.severity == "critical"),
        "images": images,
        "accepted": len(accepted),
        "rejected": len(rejected),
        "quarantined": int((~rejected["refused"]).sum()),
        "refused": int(rejected["refused"].sum()),
        "sizes": {f"{width}x{height}": count for (width, height), count in sizes.most_common(SIZES)},
        "counts": {name: {split: by_cell[name, split] for split in SPLITS} for name in task.classes},
        "expectations": [
            {
                "name": outcome.check.name,
                "severity": outcome.check.severity,
                "asks": outcome.check.asks,
                "passed": outcome.passed,
                "failed_rows": outcome.failed,
                "examples": list(outcome.examples),
                "found": outcome.found,
                "remedy": "" if outcome.passed else outcome.check.remedy,
                "expectation": outcome.check.kind,
                "arguments": outcome.check.arguments,
                "table": outcome.check.table,
            }
            for outcome in outcomes
        ],
    }
