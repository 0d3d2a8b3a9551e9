"""Dealing units of images that must stay together (groups, copies) to parts of given shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TRIALS = 500
ENOUGH = 3  # images for a share of them not to be none

Codes = NDArray[np.int64]


def count(share: float, images: int) -> int:
    """How many images a share of them is: at least one, if any are wanted and there are enough."""
    wanted = round(share * images)
    return max(wanted, 1) if share > 0 and images >= ENOUGH else wanted


def units(groups: Sequence[str], hashes: Sequence[str]) -> Codes:
    """The unit (N,) of every image: images of one group, or of equal content, are in one, and so on from there."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(groups):
        return np.zeros(0, np.int64)
    group = np.unique(np.asarray(groups), return_inverse=True)[1]
    content = np.unique(np.asarray(hashes), return_inverse=True)[1] + group.max() + 1
    nodes = int(content.max()) + 1
    graph = coo_array((np.ones(len(group)), (group, content)), shape=(nodes, nodes))
    component = connected_components(graph, directed=False)[1][group]
    return np.unique(component, return_inverse=True)[1].astype(np.int64)


def deal(unit_N: Codes, labels_N: Codes, shares: NDArray[np.float64], seed: Sequence[int]) -> Codes:
    """The part (N,), an index into ``shares``, of every image; a unit is never taken apart.

    Of TRIALS random orders, each cut where the shares are reached, the one in which every class's shares come nearest
    to ``shares``. Every part with a share gets a unit if there are enough of them.
    """
    if not len(unit_N):
        return np.zeros(0, np.int64)
    classes, label = np.unique(labels_N, return_inverse=True)
    found = np.zeros((int(unit_N.max()) + 1, len(classes)))  # images by unit and class
    np.add.at(found, (unit_N, label), 1)
    sizes = found.sum(axis=1)
    fractions = found / found.sum(axis=0)
    bounds = np.cumsum(shares)[:-1] * len(unit_N)
    random = np.random.default_rng(list(seed))
    best, least = np.zeros(len(sizes), np.int64), np.inf
    for _ in range(TRIALS):
        order = random.permutation(len(sizes))
        middle = np.cumsum(sizes[order]) - sizes[order] / 2
        part = np.empty(len(sizes), np.int64)
        part[order] = np.searchsorted(bounds, middle, side="right")
        off = sum(np.abs(fractions[part == code].sum(axis=0) - share).sum() for code, share in enumerate(shares))
        if off < least:
            best, least = part, float(off)
    return _none_empty(best, sizes, shares)[unit_N]


def _none_empty(part: Codes, sizes: NDArray[np.float64], shares: NDArray[np.float64]) -> Codes:
    """Give a part that went away empty the smallest unit of the part that has most units."""
    for code in np.flatnonzero(shares > 0):
        counts = np.bincount(part, minlength=len(shares))
        if counts[code] == 0 and counts.max() > 1:
            richest = np.flatnonzero(part == counts.argmax())
            part[richest[sizes[richest].argmin()]] = code
    return part
