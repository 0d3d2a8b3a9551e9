"""Images of today against those of a data version: described, compared, decided, reported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfpt.context import Reporter, Silent
from dfpt.datasets.drift import answers, compare, statistics
from dfpt.datasets.drift.compare import Described, Seen
from dfpt.datasets.sample import Sample
from dfpt.evaluation import predict

if TYPE_CHECKING:
    from collections.abc import Sequence

UNLIKE = 12  # images shown
MOST = 10_000  # images compared a side: of more, as many are drawn
_SEED = 0  # the same images give the same answer


@dataclass(frozen=True)
class Student:
    """The network whose answers are compared.

    Attributes:
        model: what it is called, for people.
        folder: its weights of record.
        data_hash: of the data that it was trained on.
    """

    model: str
    folder: Path
    data_hash: str


def report(
    reference: Sample,
    current: Sample,
    student: Student | None,
    reporter: Reporter,
    level: float = compare.LEVEL,
    tolerance: float = compare.TOLERANCE,
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """The content of ``drift.json``, and the rows of the current images that are least like the reference.

    Where the student was trained on the reference, both sides are only images that it has not learnt from: it is surer
    of those that it has.

    Args:
        level: how often there may be an alarm without a shift.
        tolerance: the distance (0 to 1) that some description must have moved by, so that many images do not make an
            alarm of a trifle.

    Raises:
        UsageError: too few images, or too small ones.
    """
    rows, now = reference.rows, current.rows
    learnt = student is not None and student.data_hash == reference.task.data_hash
    if learnt:
        contents = reference.contents()
        taught = contents[np.array(reference.splits) == "train"]
        rows, now = rows[~np.isin(contents, taught)], now[~np.isin(current.contents(), taught)]
    seen = {"reference": len(reference.rows) - len(rows), "current": len(current.rows) - len(now)}
    rows, now = (_some(found) for found in (rows, now))
    channels, positive = reference.task.channels, _positive(reference, student)
    folder = None if student is None else student.folder
    before = describe(reference.images, rows, channels, folder, positive, reporter, "reference")
    after = describe(current.images, now, channels, folder, positive, reporter, "current")
    groups = compare.columns(before, after)
    reporter.progress(0, 1, "permutations")
    finding = compare.compare(groups, len(after), compare.PERMUTATIONS, _SEED)
    reporter.progress(1, 1, "permutations")
    names = {"image statistics": statistics.names(channels), "student": answers.names(positive)}
    found = {
        "drifted": finding.drifted(level, tolerance),
        "different": finding.differs(level),
        "p_value": finding.p_value,
        "settings": {"level": level, "tolerance": tolerance, "permutations": compare.PERMUTATIONS},
        "reference": _about(reference, len(rows), seen["reference"]),
        "current": _about(current, len(now), seen["current"]),
        "student": None
        if student is None
        else {
            "model": student.model,
            "data_hash": student.data_hash,
            "trained_on_reference": learnt,
        },
        "tests": [
            {"group": group, "discrepancy": seen, "chance": chance, "p_value": p_value}
            for group, (seen, chance, p_value) in finding.discrepancies.items()
        ],
        "features": compare.features(groups, names, finding, len(after)),
    }
    return found, now[np.argsort(-finding.unlike, kind="stable")[:UNLIKE]]


def describe(
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    channels: int,
    student: Path | None,
    positive: Sequence[int] | None,
    reporter: Reporter | None = None,
    which: str = "",
) -> Described:
    """The images at ``rows`` in numbers.

    Args:
        images: (M, S, S, C).
        channels: of the reference: which statistics are compared.
        student: folder of its weights; None leaves its answers out.
        positive: its defective classes.
    """
    reporter = reporter or Silent()
    values = statistics.measure(
        images, rows, channels, lambda done, total: reporter.progress(done, total, f"{which} images measured")
    )
    if student is None:
        return Described(values)
    logits, embedding = predict.embedded(
        student, images, rows, lambda done, total: reporter.progress(done, total, f"{which} images seen by the student")
    )
    return Described(values, Seen(answers.describe(logits, positive), embedding))


def _positive(reference: Sample, student: Student | None) -> tuple[int, ...] | None:
    """The defective classes, where the student's classes are the reference's."""
    from dfpt.models import load

    if student is None or load(student.folder)[1].classes != reference.task.classes:
        return None
    return reference.task.positive


def _some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(rows) <= MOST:
        return rows
    return np.sort(np.random.default_rng(_SEED).choice(rows, MOST, replace=False))


def _about(sample: Sample, compared: int, learnt: int) -> dict[str, Any]:
    return {
        "source": sample.task.source,
        "data_hash": sample.task.data_hash,
        "images": len(sample.rows) + sample.unreadable,
        "unreadable": sample.unreadable,
        "learnt_from": learnt,
        "compared": compared,
    }
