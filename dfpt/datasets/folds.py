"""One fold of k for repeated cross-validation: over all k indices every image is tested once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dfpt.config import Fold
from dfpt.datasets import dealing

TRAIN, VAL, TEST = 0, 1, 2

Codes = NDArray[np.int64]


def divide(labels_N: Codes, unit_N: Codes, fold: Fold, val: float) -> Codes:
    """0 (train), 1 (val) or 2 (test) by image; the fold is test, ``val`` is a stratified share of the rest.

    Images of one unit stay together. Where every image is a unit of its own, the folds' sizes differ by at most one
    image, in all and in every class. ``fold.seed`` alone decides the partition; the validation images follow from it
    and from the index.
    """
    alone = len(np.unique(unit_N)) == len(unit_N)
    if alone:
        number = _dealt_in_turn(labels_N, fold.count, fold.seed)
    else:
        number = dealing.deal(unit_N, labels_N, np.full(fold.count, 1 / fold.count), [fold.seed])
    codes = np.where(number == fold.index, TEST, TRAIN)
    rest = np.flatnonzero(codes == TRAIN)
    seed = [fold.seed, 1 + fold.index]
    if alone:
        codes[rest[_chosen(labels_N[rest], val, seed)]] = VAL
    else:
        unit = np.unique(unit_N[rest], return_inverse=True)[1]
        codes[rest] = dealing.deal(unit, labels_N[rest], np.array([1 - val, val]), seed)
    return codes


def _dealt_in_turn(labels_N: Codes, count: int, seed: int) -> Codes:
    """The fold of every image: each class in random order, dealt in turn; a class goes on where the last one ended."""
    order = np.concatenate([np.zeros(0, np.int64), *_shuffled(labels_N, [seed])])
    number = np.empty(len(labels_N), np.int64)
    number[order] = np.arange(len(labels_N)) % count
    return number


def _chosen(labels_N: Codes, share: float, seed: list[int]) -> Codes:
    """Positions of ``share`` of every class."""
    picked = [members[: dealing.count(share, len(members))] for members in _shuffled(labels_N, seed)]
    return np.concatenate([np.zeros(0, np.int64), *picked])


def _shuffled(labels_N: Codes, seed: list[int]) -> list[Codes]:
    """Positions of each class's images in random order, a generator for each class."""
    return [
        np.random.default_rng([*seed, int(label) + 1]).permutation(np.flatnonzero(labels_N == label))
        for label in np.unique(labels_N)
    ]
