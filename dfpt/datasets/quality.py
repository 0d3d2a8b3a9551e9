"""A manifest as the suite looks at it, and the suite's outcomes as a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfpt.datasets import looks, near
from dfpt.datasets.asking import Outcome
from dfpt.datasets.label_errors import Suspects
from dfpt.datasets.looks import Looks
from dfpt.datasets.manifest import GROUP
from dfpt.datasets.outliers import from_its_kind
from dfpt.datasets.quarantine import key_of
from dfpt.datasets.splits import SPLITS
from dfpt.datasets.suite import Table
from dfpt.datasets.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame

REJECTED = ("id", "path", "reason")  # columns of rejected.csv
SUSPICIOUS = ("id", "check", "found")  # columns of suspicious.csv
KNOWN = ("sha256", "label_name", "position", "refused", "releasable")  # what else is known of a rejected row
SIZES = 10  # sizes of images that the report lists
EXAMPLES = 20  # rows that failed a check which the report lists
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


def measured(images: NDArray[np.uint8], accepted: DataFrame) -> tuple[DataFrame, Looks | None]:
    """``accepted`` with what the pixels say: ``sharpness``, and the columns of :mod:`dfpt.datasets.near`.

    Of images too small for it nothing is said, and there are no looks.
    """
    if images.shape[1] < looks.SMALLEST:
        return accepted, None
    found = looks.look(images, accepted["row"].to_numpy(np.int64))
    return accepted.assign(sharpness=found.sharpness, **near.columns(found, accepted)), found


def suggestions(accepted: DataFrame, suspects: Suspects, task: Task) -> DataFrame:
    """``accepted`` with the column ``suggested_label``, where labels were looked at: null where none is suspect."""
    if suspects.suggested is None:
        return accepted
    said = np.full(len(accepted), None, object)
    for row, (label, likely, given) in suspects.suggested.items():
        said[row] = f"{accepted['label_name'].iloc[row]}, rather {task.classes[label]}: {given:.2f} to {likely:.2f}"
    return accepted.assign(suggested_label=said)


def tables(manifest: DataFrame, accepted: DataFrame, task: Task) -> dict[Table, DataFrame]:
    """The tables that the checks look at, with their helper columns; an index names a row to a person."""
    import pandas as pd

    cells = [(name, split) for name in task.classes for split in SPLITS]
    index = {name: number for number, name in enumerate(task.classes)}
    by_hash = accepted.groupby("sha256")
    copies = accepted.groupby(["sha256", "split"])["id"].transform("size")
    groups = {"splits_of_group": accepted.groupby(GROUP)["split"].transform("nunique")} if GROUP in accepted else {}
    sides, names = accepted[["width", "height"]], accepted["label_name"].tolist()
    counted = Counter(zip(accepted["label_name"], accepted["split"], strict=True))
    counts = {f"{name!r} in {split} ({counted[name, split]})": counted[name, split] for name, split in cells}
    unread = manifest["error"].notna() & (manifest["sha256"] == "")  # refused: whatever its label, nothing was read
    pixels = np.log((accepted["width"] * accepted["height"]).to_numpy(float).clip(1))
    judged = {"brightness": accepted["mean"].to_numpy(float), "contrast": accepted["std"].to_numpy(float)}
    if "sharpness" in accepted:
        judged["sharpness"] = accepted["sharpness"].to_numpy(float)
    looked_at: dict[Table, DataFrame] = {
        "manifest": manifest.assign(
            label_name=manifest["label_name"].mask(unread),
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
            size_z=from_its_kind(pixels, names),
            **{f"{name}_z": from_its_kind(values, names) for name, values in judged.items()},
        ),
    }
    by_id = {table: frame.set_index("id", drop=False).rename_axis(None) for table, frame in looked_at.items()}
    emptiest_first = pd.Series(counts, dtype="int64").sort_values(kind="stable")
    return {**by_id, "classes": pd.DataFrame({"images": emptiest_first})}


def held_back(accepted: DataFrame, outcomes: Sequence[Outcome], free: Set[str], task: Task) -> DataFrame:
    """The accepted rows that a check of severity quarantine keeps out of the training, as :func:`rejections` has them.

    ``free`` are the keys of the images that a person released.
    """
    reasons: dict[str, str] = {}
    for outcome in outcomes:
        if outcome.check.severity == "quarantine" and not outcome.passed:
            for row in outcome.rows:
                reasons.setdefault(row, f"{outcome.check.name}: {outcome.check.trouble}")
    chosen = accepted[accepted["id"].isin(list(reasons))]
    keys = [key_of(task.source, *row) for row in zip(chosen["id"], chosen["sha256"], strict=True)]
    chosen = chosen[np.array([key not in free for key in keys], bool)]
    found = chosen.assign(
        reason=[reasons[name] for name in chosen["id"]], position=chosen["row"], refused=False, releasable=True
    )
    return found[[*REJECTED, *KNOWN]]


def suspicious(outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    """The images that a warning names: id, name of the check, what it found there."""
    return [
        {"id": row, "check": outcome.check.name, "found": str(value)}
        for outcome in outcomes
        if outcome.check.severity == "warning" and outcome.check.table == "accepted" and not outcome.passed
        for row, value in zip(outcome.rows, outcome.values or ("",) * len(outcome.rows), strict=True)
    ]


def report(
    task: Task,
    outcomes: Sequence[Outcome],
    images: int,
    accepted: DataFrame,
    rejected: DataFrame,
    about: Mapping[str, Any],
) -> Report:
    """The content of ``validation.json``. The data has passed when no critical check failed.

    ``about``: what else there is to say of the validation, e.g. the suite and the version before.
    """
    by_cell = Counter(zip(accepted["label_name"], accepted["split"], strict=True))
    sizes = Counter(zip(accepted.get("width", ()), accepted.get("height", ()), strict=True))
    return {
        "source": task.source,
        "data_hash": task.data_hash,
        "passed": all(outcome.passed for outcome in outcomes if outcome.check.severity == "critical"),
        **about,
        "images": images,
        "accepted": len(accepted),
        "rejected": len(rejected),
        "quarantined": int((~rejected["refused"]).sum()),
        "refused": int(rejected["refused"].sum()),
        "suspicious": len({row["id"] for row in suspicious(outcomes)}),
        "sizes": {f"{width}x{height}": count for (width, height), count in sizes.most_common(SIZES)},
        "counts": {name: {split: by_cell[name, split] for split in SPLITS} for name in task.classes},
        "expectations": [
            {
                "name": outcome.check.name,
                "severity": outcome.check.severity,
                "asks": outcome.check.asks,
                "passed": outcome.passed,
                "failed_rows": len(outcome.examples),
                "examples": outcome.examples[:EXAMPLES],
                "found": outcome.found,
                "remedy": "" if outcome.passed else outcome.check.remedy,
                "expectation": outcome.check.kind,
                "arguments": outcome.check.arguments,
                "table": outcome.check.table,
            }
            for outcome in outcomes
        ],
    }
