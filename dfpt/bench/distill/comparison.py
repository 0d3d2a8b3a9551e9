"""The stored cells, read again, and two methods held against each other.

A difference is paired: both students were taught by one teacher, tested on the same images, and drawn with one seed.
Its interval is by bootstrap, all drawn with replacement: images, partitions, and of a partition its seeds, which share
its teachers and folds. With one seed of one partition it is the images' doubt alone, without that of a training.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfpt.bench import steps
from dfpt.bench.distill import answers
from dfpt.bench.distill.answers import Answers
from dfpt.bench.distill.cells import BLOCK, is_current, shares_teacher
from dfpt.bench.distill.screening import setting_of
from dfpt.bench.distill.suites import Suite
from dfpt.errors import UsageError
from dfpt.evaluation import calibration, metrics

RESAMPLES = 10_000
LEVEL = 0.95

Run = tuple[int, int]  # partition, seed
Values = Mapping[Run, Mapping[str, float]]  # of each run: image -> value


@dataclass(frozen=True)
class Kept:
    """A stored cell: what is recorded of it, what its student said, and the suite's severity of each class."""

    record: Mapping[str, Any]
    said: Answers
    severities: tuple[int, ...]

    @property
    def key(self) -> tuple[int, int, int]:
        """What two cells share that are a pair."""
        return self.record["partition"], self.record["fold"], self.record["seed"]

    @property
    def name(self) -> str:
        return "-".join(str(self.record[part]) for part in ("method", "partition", "fold", "seed"))

    @cached_property
    def figures(self) -> dict[str, float]:
        """What the answers come to, and what was measured while the student was trained."""
        said = self.said
        found = metrics.figures(said.probabilities, said.labels, self.record["positive"])
        del found["confusion"]
        if self.severities:
            found["quadratic_kappa"] = _quadratic_kappa(said, np.array(self.severities))
        found["ece"] = calibration.expected_calibration_error(calibration.reliability(said.probabilities, said.labels))
        for kind, answered in said.corrupted.items():
            found[f"accuracy_under_{kind}"] = float(np.mean(answered == said.labels))
        return found | dict(self.record["metrics"])


def _quadratic_kappa(said: Answers, severity_K: NDArray[np.int64]) -> float:
    """Agreement about the severity, whatever else the classes say; NaN where all is of one severity."""
    from sklearn.metrics import cohen_kappa_score

    called, true = severity_K[said.probabilities.argmax(1)], severity_K[said.labels]
    return float(cohen_kappa_score(true, called, weights="quadratic", labels=np.unique(severity_K)))


Stored = list[Kept]


def stored(suite: Suite, tier: str, out: Path, folder: Path | None = None) -> Stored:
    """Every cell of a tier that would be trained now as it was; what is left of an older suite or setting is not read.

    Args:
        folder: where the cells lie, if not in that of the tier.
    """
    found = []
    for path in sorted((folder or out / tier).glob("*.jsonl.gz")):
        described = path.with_name(f"{path.name.removesuffix('.jsonl.gz')}.json")
        if not described.exists():  # the record is written last: a process is at it, or was killed there
            continue
        record = steps.read(described)
        setting = setting_of(record["method"], out)
        if setting is not None and is_current(suite, record, setting, tier):
            found.append(Kept(record, answers.read(path), suite.severities))
    return found


def of(cells: Stored, method: str) -> Stored:
    """Those of a method, but for the block split, which is another question."""
    return [cell for cell in cells if cell.record["method"] == method and cell.record["partition"] != BLOCK]


def paired(own: Stored, reference: Stored) -> list[tuple[Kept, Kept]]:
    """Cells of one partition, fold and seed, from both.

    Raises:
        UsageError: two were asked about different images, or had different teachers that should have been one.
    """
    theirs = {cell.key: cell for cell in reference}
    pairs = [(cell, theirs[cell.key]) for cell in own if cell.key in theirs]
    for mine, other in pairs:
        differ = "were asked about different images" if mine.said.ids != other.said.ids else None
        if all(shares_teacher(cell.record["method"]) for cell in (mine, other)):
            same = mine.record["teacher_sha256"] == other.record["teacher_sha256"]
            differ = differ if same else "had different teachers"
        if differ:
            raise UsageError(
                f"{mine.name} and {other.name} {differ}.", "Remove the older one and run the benchmark again."
            )
    return pairs


def difference(
    own: Stored, reference: Stored, without: Collection[str] = ()
) -> tuple[float | None, tuple[float, float] | None, int]:
    """Accuracy of ``own`` less that of ``reference``, its interval, and of how many pairs; None where there is none.

    Args:
        without: ids of images that do not count.
    """
    by_run: dict[Run, dict[str, float]] = defaultdict(dict)
    means = []
    for mine, other in paired(own, reference):
        hits = dict(zip(mine.said.ids, mine.said.hits - other.said.hits, strict=True))
        counted = {name: hit for name, hit in hits.items() if name not in without}
        if counted:
            by_run[mine.record["partition"], mine.record["seed"]] |= counted
            means.append(float(np.mean(list(counted.values()))))
    if not means:
        return None, None, 0
    return float(np.mean(means)), interval(by_run), len(means)


def interval(runs: Values) -> tuple[float, float]:
    """Of the mean over runs and images; a run need not have asked all images."""
    ids = sorted(set().union(*runs.values()))
    found = np.array([[run.get(name, np.nan) for name in ids] for run in runs.values()])  # (R, N)
    partitions = [
        np.array([number for number, (partition, _) in enumerate(runs) if partition == drawn])
        for drawn in dict.fromkeys(partition for partition, _ in runs)
    ]
    asked, value = ~np.isnan(found), np.nan_to_num(found)
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES):
        image_N = np.bincount(random.integers(len(ids), size=len(ids)), minlength=len(ids))
        run_R = np.zeros(len(runs))
        for number in random.integers(len(partitions), size=len(partitions)):
            of_partition = partitions[number]
            np.add.at(run_R, random.choice(of_partition, len(of_partition)), 1)
        weight = float(run_R @ (asked @ image_N))
        if weight:
            drawn.append(float(run_R @ (value @ image_N)) / weight)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
