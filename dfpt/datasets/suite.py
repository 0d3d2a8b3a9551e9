"""What a manifest must be like to be trained on: one suite, run by Great Expectations.

A check with severity ``critical`` refuses the data; ``warning`` is for a person to read. Great Expectations looks at
columns, so what needs more (copies across splits, empty classes) is counted first, in a helper column or table.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dfpt.config import Validation
from dfpt.datasets.manifest import COLUMNS
from dfpt.datasets.splits import SPLITS
from dfpt.datasets.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame

Table = Literal["manifest", "accepted", "classes"]
MIN_SIDE = 8  # pixels
SHOWN = 3  # examples in a message


@dataclass(frozen=True)
class Check:
    """One expectation and how to speak of it.

    Attributes:
        asks: what must hold, as a phrase.
        trouble: what is said when it does not; examples are put after it.
        table: every row of the manifest, the accepted ones, or one row for each class in each split.
        kind, arguments: class and arguments in ``great_expectations.expectations``.
    """

    name: str
    severity: Literal["critical", "warning"]
    table: Table
    asks: str
    trouble: str
    remedy: str
    kind: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of a check; ``examples`` name the rows that failed it, ``failed`` counts them."""

    check: Check
    passed: bool
    failed: int = 0
    examples: tuple[str, ...] = field(default=())

    @property
    def found(self) -> str:
        """What was found, for a person."""
        if self.passed:
            return f"{self.failed} within what is allowed" if self.failed else ""
        shown = ", ".join(self.examples[:SHOWN])
        more = f" and {self.failed - SHOWN} more" if self.failed > SHOWN else ""
        return self.check.trouble + (f": {shown}{more}" if shown else "")


def checks(task: Task, config: Validation, grouped: bool = False) -> list[Check]:
    """The suite for a task, the most basic trouble first: the first one that fails is what the user is told.

    ``grouped``: the manifest has groups, which no split may share.
    """
    classes, floor = list(task.classes), config.min_per_class
    layout = "Give each class a folder of its own: PATH/class/image or PATH/split/class/image."
    apart = Check(
        "no group in two splits", "critical", "accepted",
        "no group is in two splits", "images of one group in more than one split",
        "Put each group into one split, or leave the splitting to dfpt (data.split=group).",
        "ExpectColumnValuesToBeBetween", {"column": "splits_of_group", "max_value": 1},
    )  # fmt: skip
    between, in_set = "ExpectColumnValuesToBeBetween", "ExpectColumnValuesToBeInSet"
    return [
        Check(
            "at least two classes", "critical", "classes",
            "the task has two classes or more", f"the data has {len(classes)} class{'' if len(classes) == 1 else 'es'}",
            layout, "ExpectTableRowCountToBeBetween", {"min_value": 2 * len(SPLITS)},
        ),
        Check(
            "readable images", "critical", "manifest",
            f"at most {config.max_rejected:.2%} of the images are unreadable",
            f"more than {config.max_rejected:.2%} of the images cannot be read",
            "Replace or remove the files listed in rejected.csv, or raise validation.max_rejected.",
            "ExpectColumnValuesToBeNull", {"column": "error", "mostly": round(1 - config.max_rejected, 9)},
        ),
        Check(
            "known labels", "critical", "manifest",
            "every label is a class of the task", "labels outside the set of classes",
            f"Correct these labels; the classes are {', '.join(classes) or 'none'}.",
            in_set, {"column": "label_name", "value_set": classes},
        ),
        Check(
            "label numbers", "critical", "manifest",
            "the number of every label is that of its name", "label and label_name disagree",
            "Run the step prepare again.",
            "ExpectColumnPairValuesToBeEqual", {"column_A": "label", "column_B": "label_of_name"},
        ),
        Check(
            "known splits", "critical", "manifest",
            f"every image is in {', '.join(SPLITS)}", "splits that are none",
            "Run the step prepare again.", in_set, {"column": "split", "value_set": list(SPLITS)},
        ),
        Check(
            "no leak", "critical", "accepted",
            "no image is in two splits", "the same image in more than one split",
            "Remove the copies, or leave the splitting to dfpt (PATH/class/image).",
            between, {"column": "splits_of_image", "max_value": 1},
        ),
        *([apart] if grouped else []),
        Check(
            "images per class", "critical", "classes",
            f"every class has at least {floor} images in every split", f"fewer than {floor} images of a class",
            "Add images of these classes, or lower validation.min_per_class.",
            between, {"column": "images", "min_value": floor},
        ),
        Check(
            "mean and deviation", "critical", "accepted",
            "mean and deviation are fractions", "a mean outside 0 to 1", "Run the step prepare again.",
            between, {"column": "mean", "min_value": 0, "max_value": 1},
        ),
        Check(
            "nothing in doubt", "warning", "manifest",
            "no image is kept back for being in doubt", "images in quarantine because they may not be what they seem",
            "See dfpt data quarantine list; correct them, or release them with dfpt data quarantine release.",
            "ExpectColumnValuesToBeNull", {"column": "held_back"},
        ),
        Check(
            "not constant", "warning", "accepted",
            "no image is one even grey", "images without any content (all pixels equal)",
            "Look at the camera that took them; remove them.",
            between, {"column": "std", "min_value": 0, "max_value": 0.5, "strict_min": True},
        ),
        Check(
            "exposure", "warning", "accepted",
            "mean brightness is between 2 % and 98 %", "images nearly black or white",
            "Check exposure, or the bit depth of 16-bit files.",
            between, {"column": "mean", "min_value": 0.02, "max_value": 0.98},
        ),
        Check(
            "sides", "warning", "accepted",
            f"the short side has at least {MIN_SIDE} pixels", "images too small to show anything",
            "Remove thumbnails.", between, {"column": "short_side", "min_value": MIN_SIDE},
        ),
        Check(
            "shape", "warning", "accepted",
            "no image is more than twice as long as wide", "images that squeezing to a square distorts",
            "Crop them before they come here.", between, {"column": "aspect", "max_value": 2},
        ),
        Check(
            "no copies", "warning", "accepted",
            "no image occurs twice", "the same image more than once in a split",
            "Remove the copies; they count twice.", between, {"column": "copies", "max_value": 1},
        ),
        Check(
            "no contradiction", "warning", "accepted",
            "copies of an image have one label", "the same image under two labels",
            "Decide which label is right.", between, {"column": "labels_of_image", "max_value": 1},
        ),
    ]  # fmt: skip


def schema(task: Task) -> list[Check]:
    """Run first, and alone: no other check can run on a table that lacks a column."""
    return [
        Check(
            "columns", "critical", "manifest",
            "the manifest has every column", "the manifest lacks columns", "Run the step prepare again.",
            "ExpectTableColumnsToMatchSet", {"column_set": [*COLUMNS, *task.slices], "exact_match": False},
        )
    ]  # fmt: skip


def evaluate(wanted: Sequence[Check], frames: Mapping[Table, DataFrame]) -> list[Outcome]:
    """Run checks through Great Expectations, one validation for each table; outcomes come in the order of ``wanted``.

    The import takes seconds, which is why nothing else imports this library.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("dfpt")
    outcomes: dict[str, Outcome] = {}
    for table in dict.fromkeys(check.table for check in wanted):
        chosen = {check.name: check for check in wanted if check.table == table}
        suite = gx.ExpectationSuite(table)
        for check in chosen.values():
            expectation = getattr(gx.expectations, check.kind)
            suite.add_expectation(expectation(**check.arguments, severity=check.severity, meta={"check": check.name}))
        batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe(table)
        result = batch.get_batch({"dataframe": frames[table]}).validate(suite, result_format="COMPLETE")
        for item in result.to_json_dict()["results"]:
            name = item["expectation_config"]["meta"]["check"]
            outcomes[name] = _outcome(chosen[name], item)
    return [outcomes[check.name] for check in wanted]


def _outcome(check: Check, item: dict[str, Any]) -> Outcome:
    result = item["result"]
    rows = result.get("unexpected_index_list") or result.get("details", {}).get("mismatched", {}).get("missing") or []
    if check.name == "known labels":  # the values say more than the rows
        rows = list(dict.fromkeys(result.get("unexpected_list") or []))
    return Outcome(check, bool(item["success"]), len(rows), tuple(str(row) for row in rows[:20]))
