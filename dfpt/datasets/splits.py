"""Which images are for training, selection and testing.

``stratified``: at random, every class in the same shares. ``block``: whole runs of neighbouring files, so that images
taken one after the other (of one module, one shift) stay together and the test is about new ones; blocks are dealt
so that the shares of every class come out as near as a seeded search finds them. ``group``: images of one group (a
module, a batch, a day) stay together. ``fold``: one of k stratified folds is the test split, whole groups where there
are groups; the partition has a seed of its own. ``ids``: a list gives the splits.

Copies of one image always share a split: a split of ours never leaks. A split that the source gives is kept, and only
the parts that it lacks are taken from its train part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfpt.config import Fold
from dfpt.datasets import dealing, folds
from dfpt.errors import UsageError

SPLITS = ("train", "val", "test")
SPLIT_WORDS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
BLOCKS = 40  # of ELPV's 2,624 files about 66 each: a module has 60 or 72 cells
BLOCKS_OF_A_CLASS = 20  # at least, where a class's files lie together

Codes = NDArray[np.int64]  # index into SPLITS by image


def assign(
    labels: Sequence[int],
    hashes: Sequence[str],
    given: Sequence[str | None],
    how: Literal["stratified", "block", "group", "fold", "ids"],
    val: float,
    test: float,
    seed: int,
    groups: Sequence[str] | None = None,
    fold: Fold | None = None,
) -> list[str]:
    """The split of every image, in the order of ``labels``; works for any number of images, none included.

    Args:
        labels: class index by image, -1 where it has none.
        hashes: of the content by image; images of equal hash stay together.
        given: the source's or the list's split by image, or None.
        val, test: shares of the images that are divided here; with ``fold``, val of those outside it, and no test.
        groups: by image; with ``how`` group and fold, images of one group stay together.
        fold: which one; read, and needed, where ``how`` is fold.

    Raises:
        UsageError: folds are asked for of a source that comes with a split of its own.
    """
    present = {split for split in given if split is not None}
    shares = np.array([0.0, 0.0 if "val" in present else val, 0.0 if "test" in present else test])
    shares[0] = max(0.0, 1.0 - shares.sum())
    if shares.sum() > 1:  # val + test above 1
        shares /= shares.sum()
    free = [index for index, split in enumerate(given) if split in (None, "train")]
    if how == "fold" and len(free) < len(given):
        raise UsageError(
            "The source comes with a split of its own, which folds would mix.",
            "Leave data.split as it is, or give the images without split folders.",
        )
    parts = list(free)
    if groups is None or how not in ("group", "fold"):
        first: dict[str, int] = {}
        parts = [index for index in free if first.setdefault(hashes[index], index) == index]
        unit = np.arange(len(parts))
    else:
        unit = dealing.units([groups[index] for index in parts], [hashes[index] for index in parts])
    codes = _divide(np.array([labels[index] for index in parts], np.int64), unit, shares, how, val, seed, fold)
    chosen = {hashes[index]: SPLITS[code] for index, code in zip(parts, codes, strict=True)}
    return [
        chosen[content] if split in (None, "train") else str(split)
        for split, content in zip(given, hashes, strict=True)
    ]


def _divide(
    labels: Codes, unit: Codes, shares: NDArray[np.float64], how: str, val: float, seed: int, fold: Fold | None
) -> Codes:
    if fold is not None:
        return folds.divide(labels, unit, fold, val)
    if how == "group":
        return dealing.deal(unit, labels, shares, [seed])
    return _blocks(labels, shares, seed) if how == "block" else _stratified(labels, shares, seed)


def _stratified(labels: Codes, shares: NDArray[np.float64], seed: int) -> Codes:
    codes = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        # A generator for each class: adding images to one class does not reshuffle the others.
        members = np.random.default_rng([seed, int(label) + 1]).permutation(members)
        val, test = (dealing.count(share, len(members)) for share in shares[1:])
        codes[members[:test]] = 2
        codes[members[test : test + val]] = 1
    return codes


def _blocks(labels: Codes, shares: NDArray[np.float64], seed: int) -> Codes:
    """Where files come class after class, as in class folders, each class is divided by itself."""
    classes = np.unique(labels)
    if len(classes) == 1 or np.count_nonzero(np.diff(labels)) >= len(classes):
        return _deal_blocks(labels, shares, [seed], BLOCKS)
    codes = np.zeros(len(labels), np.int64)
    for label in classes:
        members = np.flatnonzero(labels == label)
        blocks = max(BLOCKS // len(classes), BLOCKS_OF_A_CLASS)
        codes[members] = _deal_blocks(labels[members], shares, [seed, int(label) + 1], blocks)
    return codes


def _deal_blocks(labels: Codes, shares: NDArray[np.float64], seed: Sequence[int], blocks: int) -> Codes:
    """Deal blocks at random many times and keep the deal in which each class's shares are nearest to ``shares``."""
    if not len(labels):
        return np.zeros(0, np.int64)
    count = min(blocks, len(labels))
    block = np.arange(len(labels)) * count // len(labels)  # (N,) block by image
    classes, indices = np.unique(labels, return_inverse=True)
    found = np.zeros((count, len(classes)))  # images by block and class
    np.add.at(found, (block, indices), 1)
    found /= found.sum(axis=0)
    bounds = np.round(np.cumsum(shares) * count)
    splits = np.searchsorted(bounds[:2], np.arange(count), side="right")  # split by position in a deal
    random = np.random.default_rng(list(seed))
    best, least = splits, np.inf
    for _ in range(dealing.TRIALS):
        deal = random.permutation(splits)
        off = sum(np.abs(found[deal == code].sum(axis=0) - shares[code]).sum() for code in range(len(SPLITS)))
        if off < least:
            best, least = deal, float(off)
    return best[block].astype(np.int64)
