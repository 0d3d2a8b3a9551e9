"""A prepared data set through the suite: what is trained on, what is not, and what every check found."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfpt.config import Validation
from dfpt.datasets import asking, label_errors, near, quality, suite, version_record
from dfpt.datasets.asking import Outcome
from dfpt.datasets.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Checked:
    """The verdict.

    Attributes:
        outcomes: of every check, in the suite's order behind the schema's.
        accepted: the rows that may be trained on, as the manifest has them.
        rejected: the others, with the columns ``REJECTED`` and ``KNOWN`` of :mod:`dfpt.datasets.quality`.
        held_back: those of ``rejected`` that a check of severity quarantine keeps out, and nothing else.
        about: for the report.
        record: of this version; None where the manifest lacks columns.
    """

    outcomes: list[Outcome]
    accepted: DataFrame
    rejected: DataFrame
    held_back: DataFrame
    about: dict[str, Any]
    record: version_record.Record | None


def check(
    images: NDArray[np.uint8], table: DataFrame, task: Task, config: Validation, free: Set[str], home: Path
) -> Checked:
    """Run the suite.

    Args:
        images: uint8 (N, S, S, C).
        table: the manifest with the column ``row``, an index into ``images``.
        free: keys of the images that a person released from quarantine.
        home: the state folder, which knows the version before.

    Raises:
        UsageError: the suite is not valid.
    """
    wanted = suite.checks(task, config)
    outcomes = asking.evaluate(suite.schema(task), {"manifest": table})
    about: dict[str, Any] = {"version_before": None, "labels": "not looked at", "suite": suite.name_of(config, task)}
    if not outcomes[0].passed:
        nothing = table.head(0).assign(reason="", position=0, refused=False, releasable=False)
        return Checked(outcomes, table.head(0), nothing, nothing, about, None)

    rejected = quality.rejections(table, task, free)
    accepted = table.drop(index=rejected.index)
    looked_at, about["labels"] = _looked_at(images, accepted, task, config)
    keeping_out = [one for one in wanted if one.severity == "quarantine"]
    early = asking.evaluate(keeping_out, quality.tables(table, looked_at, task)) if keeping_out else []
    held_back = quality.held_back(looked_at, early, free, task)
    looked_at = _without(looked_at, held_back)

    record = version_record.of(task, looked_at)
    before = version_record.before(home, task.source, task.data_hash)
    frames = quality.tables(table, looked_at, task)
    if before is not None:
        about["version_before"] = before.data_hash
        frames["shares"], frames["statistics"] = version_record.changes(record, before)
    late = asking.evaluate([one for one in wanted if one.severity != "quarantine"], frames)
    by_name = {outcome.check.name: outcome for outcome in [*early, *late]}
    outcomes += [by_name[one.name] for one in wanted if one.name in by_name]
    return Checked(
        outcomes,
        accepted.drop(index=held_back.index),
        _joined(rejected, held_back),
        held_back,
        about,
        record,
    )


def _looked_at(images: NDArray[np.uint8], accepted: DataFrame, task: Task, config: Validation) -> tuple[DataFrame, str]:
    """``accepted`` with what the pixels say, and what there is to say of the labels."""
    measured, looks = quality.measured(images, accepted)
    if looks is None or not config.label_errors:
        return measured, "not looked at"
    suspects = label_errors.find(looks.thumbnails, accepted["label"].to_numpy(np.int64))
    if suspects.suggested is None:
        return measured, f"not judged, {suspects.why_not}"
    said = f"a simple model agrees with {suspects.accuracy:.0%} of {suspects.looked_at} labels"
    return quality.suggestions(measured, suspects, task), said


def _without(looked_at: DataFrame, held_back: DataFrame) -> DataFrame:
    """The rows that stay; what was said of an image that is gone is gone as well."""
    left = looked_at.drop(index=held_back.index)
    gone = {name: left[name].where(left[name].isin(left["id"]), None) for name in near.COLUMNS if name in left}
    return left.assign(**gone) if len(held_back) else left


def _joined(rejected: DataFrame, held_back: DataFrame) -> DataFrame:
    import pandas as pd

    parts = [part for part in (rejected, held_back) if len(part)]
    return pd.concat(parts).sort_index() if parts else rejected
