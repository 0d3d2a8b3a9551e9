"""How far a figure would move with other test images: percentile bootstrap intervals, paired where models are compared.

A resample is kept as how often each image was drawn (a row of weights), not as images: every statistic here is then one
matrix product, and a difference of two statistics of the same weights is paired by construction. Ours instead of
scipy.stats.bootstrap: that one hands index arrays to the statistic (macro-F1 would need N x K counts per resample), and
its default interval is NaN where two models agree on every image, which is exactly [0, 0] here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfpt.evaluation.metrics import Integers

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # weights (B, N) -> values (B,)

_DRAWN_AT_ONCE = 1 << 23  # images: bounds the weights' memory to 64 MiB


class Interval(NamedTuple):
    """A figure on the images as they are, and the ends of its interval."""

    value: float
    low: float
    high: float


def accuracy(predicted: Integers, labels: Integers) -> Statistic:
    """Share of images that are right."""
    hits = (predicted == labels).astype(np.float64)
    return lambda weights: weights @ hits / weights.sum(axis=1)


def macro_f1(predicted: Integers, labels: Integers, classes: int) -> Statistic:
    """Mean F1 over the classes that occur in the resample, among the labels or the predictions."""
    kinds = np.arange(classes)
    is_true = (labels[:, None] == kinds).astype(np.float64)
    is_called = (predicted[:, None] == kinds).astype(np.float64)

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        twice_right = 2 * (weights @ (is_true * is_called))
        total = weights @ (is_true + is_called)
        f1 = np.divide(twice_right, total, out=np.zeros_like(total), where=total > 0)
        values: NDArray[np.float64] = f1.sum(axis=1) / (total > 0).sum(axis=1)
        return values

    return statistic


def difference(one: Statistic, other: Statistic) -> Statistic:
    """``one`` minus ``other`` on the same resample."""
    return lambda weights: one(weights) - other(weights)


def intervals(
    statistics: Mapping[str, Statistic], images: int, resamples: int, seed: int, level: float = 0.95
) -> dict[str, Interval]:
    """The interval of every statistic, all from the same resamples.

    Args:
        statistics: name -> statistic over the same ``images`` images.
        resamples: how many times the images are drawn anew, with replacement.
        level: share of the resamples inside the interval.
    """
    rng = np.random.default_rng(seed)
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in statistics}
    chunk = max(1, _DRAWN_AT_ONCE // images)
    for start in range(0, resamples, chunk):
        count = min(chunk, resamples - start)
        drawn = rng.integers(images, size=(count, images)) + images * np.arange(count)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=count * images).reshape(count, images).astype(np.float64)
        for name, statistic in statistics.items():
            values[name].append(statistic(weights))
    as_they_are = np.ones((1, images))
    tails = [(1 - level) / 2, (1 + level) / 2]
    result = {}
    for name, statistic in statistics.items():
        low, high = np.quantile(np.concatenate(values[name]), tails)
        result[name] = Interval(float(statistic(as_they_are)[0]), float(low), float(high))
    return result
