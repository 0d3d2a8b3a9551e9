"""A suite proposed from data that are thought to be good, for a person to read, correct and keep under version control.

Every bound is what was seen, with a margin; every severity is a warning but those of what a class or a file format
cannot do by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dfpt.datasets.splits import SPLITS
from dfpt.datasets.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame

MARGIN = 0.25  # of the range seen, on either side
FLOOR = 0.5  # of the smallest class
FEW = 5  # sizes, or values of a column, that are listed and not bounded

_BETWEEN, _IN_SET = "expect_column_values_to_be_between", "expect_column_values_to_be_in_set"
_PROPOSED = {  # column of the table "accepted" -> what it is called
    "mean": "brightness", "std": "contrast", "sharpness": "sharpness", "short_side": "short side", "aspect": "aspect",
}  # fmt: skip


def propose(name: str, task: Task, accepted: DataFrame, data_hash: str) -> dict[str, Any]:
    """The suite, which extends the default one.

    Args:
        name: of the suite.
        accepted: the table "accepted" of :func:`dfpt.datasets.quality.tables`.
    """
    counted = accepted.groupby(["label_name", "split"]).size()
    smallest = min((int(counted.get((label, split), 0)) for label in task.classes for split in SPLITS), default=0)
    proposed = [
        _expectation(
            "the classes seen", "critical", _IN_SET, {"column": "label_name", "value_set": list(task.classes)},
            f"every label is one of {len(task.classes)}", "labels that the suite does not know", "values",
        ),
        _expectation(
            "images of each class", "critical", _BETWEEN, {"column": "images", "min_value": int(smallest * FLOOR) or 1},
            f"every class has half as many images as the smallest had in a split ({smallest})",
            "too few images of a class", table="classes",
        ),
        *(_bounds(column, called, accepted[column].to_numpy(float)) for column, called in _PROPOSED.items()
          if column in accepted and len(accepted)),
    ]  # fmt: skip
    for column in task.slices:
        values = sorted(set(accepted[column].dropna()), key=str)
        if 0 < len(values) <= FEW:
            proposed.append(
                _expectation(
                    f"known {column}", "critical", _IN_SET, {"column": column, "value_set": values},
                    f"{column} is one of {', '.join(map(str, values))}", f"an unknown {column}", "both",
                )
            )  # fmt: skip
    about = f"Proposed by dfpt data profile from {task.source}, {len(accepted)} images, data {data_hash[:12]}."
    return {"name": name, "expectations": proposed, "meta": {"extends": "default", "about": about}}


def _bounds(column: str, called: str, values: np.ndarray) -> dict[str, Any]:
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low)
    bounds = {"min_value": _round(low - margin), "max_value": _round(high + margin)}
    if column in ("mean", "std", "short_side", "aspect"):
        bounds["min_value"] = max(0.0, bounds["min_value"])
    return _expectation(
        f"{called} as seen", "warning", _BETWEEN, {"column": column, **bounds},
        f"{called} is between {bounds['min_value']:g} and {bounds['max_value']:g}",
        f"images of another {called}", "both",
    )  # fmt: skip


def _expectation(
    check: str,
    severity: str,
    kind: str,
    kwargs: dict[str, Any],
    asks: str,
    trouble: str,
    show: str = "rows",
    table: str = "accepted",
) -> dict[str, Any]:
    remedy = "Look at them; where they are right, correct the suite."
    meta = {"check": check, "table": table, "show": show, "asks": asks, "trouble": trouble, "remedy": remedy}
    return {"type": kind, "kwargs": kwargs, "severity": severity, "meta": meta}


def _round(value: float) -> float:
    return float(f"{value:.3g}")
