"""What a state folder remembers of every data version that was fit to train on, and what has changed since.

A version is a data hash. The record holds no images: counts by class, and the distributions of a few statistics, which
is what a new version is held against. A step on a cluster has a state folder of its own and so no version before.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dfpt import files
from dfpt.datasets.task import Task
from dfpt.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame

FOLDER = "data-versions"  # of the state folder; below it a folder for each source
STATISTICS = {"brightness": "mean", "contrast": "std", "sharpness": "sharpness"}  # -> column of the accepted rows

_POINTS = 101  # of a distribution
_CHANCE = 1.63  # a Kolmogorov-Smirnov distance of so many sqrt(1/n + 1/m) is chance in 99 of 100
_CHANCE_SHARE = 2.58  # standard errors, the same


@dataclass(frozen=True)
class Record:
    """One data version.

    Attributes:
        at: when it was first found fit to train on; ISO 8601, UTC.
        images: the accepted ones.
        classes: name -> accepted images.
        statistics: name -> 101 quantiles.
    """

    source: str
    data_hash: str
    at: str
    images: int
    classes: dict[str, int]
    statistics: dict[str, list[float]]


def of(task: Task, accepted: DataFrame) -> Record:
    """The record of what was accepted now."""
    counts = accepted["label_name"].value_counts()
    points = np.linspace(0, 1, _POINTS)
    return Record(
        source=task.source,
        data_hash=task.data_hash,
        at=datetime.now(UTC).isoformat(),
        images=len(accepted),
        classes={name: int(counts.get(name, 0)) for name in task.classes},
        statistics={
            name: np.quantile(accepted[column].to_numpy(float), points).tolist()
            for name, column in STATISTICS.items()
            if column in accepted and len(accepted)
        },
    )


def keep(home: Path, record: Record) -> None:
    """Remember a version; one that is known keeps its date."""
    path = _folder(home, record.source) / f"{record.data_hash}.json"
    if not path.exists():
        files.write_json(path, asdict(record))


def known(home: Path, source: str | None = None) -> list[Record]:
    """The versions of a source, or of all, the oldest first.

    Raises:
        UsageError: a record is damaged.
    """
    places = (home / FOLDER).glob("*/*.json") if source is None else _folder(home, source).glob("*.json")
    return sorted((_read(path) for path in places), key=lambda record: record.at)


def before(home: Path, source: str, data_hash: str) -> Record | None:
    """The version before ``data_hash``: the newest one that is older, or the newest of all where it is new itself."""
    records = known(home, source)
    own = next((record.at for record in records if record.data_hash == data_hash), None)
    return next(
        (one for one in reversed(records) if one.data_hash != data_hash and (own is None or one.at < own)), None
    )


def changes(now: Record, earlier: Record) -> tuple[DataFrame, DataFrame]:
    """How far the shares of the classes and the statistics have moved; 0 where it may as well be chance (1 %).

    Returns:
        ``change`` (of the share, 0 to 1) by class, and the Kolmogorov-Smirnov ``distance`` (0 to 1) by statistic.
    """
    import pandas as pd

    n, m = max(now.images, 1), max(earlier.images, 1)
    moved = {}
    for name in sorted({*now.classes, *earlier.classes}):
        a, b = now.classes.get(name, 0), earlier.classes.get(name, 0)
        pooled = (a + b) / (n + m)
        change = abs(a / n - b / m)
        moved[f"{name!r} ({b / m:.1%}, now {a / n:.1%})"] = (
            change if change > _CHANCE_SHARE * np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m)) else 0.0
        )
    distances = {}
    for name in sorted({*now.statistics} & {*earlier.statistics}):
        ours, theirs = np.array(now.statistics[name]), np.array(earlier.statistics[name])
        distance = _distance(ours, theirs)
        named = f"{name} (median {theirs[_POINTS // 2]:.3g}, now {ours[_POINTS // 2]:.3g})"
        distances[named] = distance if distance > _CHANCE * np.sqrt(1 / n + 1 / m) else 0.0
    return (
        pd.DataFrame({"change": pd.Series(moved, dtype="float64").sort_values(ascending=False)}),
        pd.DataFrame({"distance": pd.Series(distances, dtype="float64").sort_values(ascending=False)}),
    )


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Kolmogorov-Smirnov's, of two distributions given by quantiles: exact to a hundredth."""
    at, shares = np.concatenate([a, b]), np.linspace(0, 1, _POINTS)
    below = [np.interp(at, values + np.arange(_POINTS) * 1e-12, shares) for values in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def _folder(home: Path, source: str) -> Path:
    return home / FOLDER / sha256(source.encode()).hexdigest()[:16]


def _read(path: Path) -> Record:
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} is no record of a data version.", "Remove it.") from error
