"""Near duplicates: the same picture saved anew, resized, a little brighter or blurred; by perceptual hashes.

Two images are near where their hashes differ in at most LIMIT of 256 bits and their thumbnails correlate by at least
LEAST. The hash is cut into 16 parts: of two hashes that differ in 15 bits or fewer, one part is equal. So only images
with an equal part are compared, and of each the next NEIGHBOURS in a crowded part: the work grows with the number of
images, not with its square.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfpt.datasets.looks import BITS, Looks
from dfpt.datasets.splits import SPLITS

if TYPE_CHECKING:
    from pandas import DataFrame

LIMIT = 15  # bits
LEAST = 0.95
NEIGHBOURS = 64
COLUMNS = ("near_in_split", "near_copy", "near_label")

_PARTS = LIMIT + 1
_CHUNK = 20_000  # pairs whose thumbnails are compared at once

Indices = NDArray[np.int64]


def columns(looks: Looks, accepted: DataFrame) -> dict[str, NDArray[np.object_]]:
    """For each row of ``accepted`` the id of an image that it is nearly the same as, or None.

    ``near_in_split``: one of a split that tests more (test before val before train), ``near_copy``: an earlier one of
    its own split, ``near_label``: one of another label. Images of equal bytes are not meant: they are exact copies.
    """
    rank = np.array([SPLITS.index(split) if split in SPLITS else -1 for split in accepted["split"]], np.int64)
    label = accepted["label"].to_numpy(np.int64)
    content = np.unique(accepted["sha256"].to_numpy(str), return_inverse=True)[1] if len(accepted) else label
    partner = np.full((len(COLUMNS), len(accepted)), -1, np.int64)
    for first, second in _candidates(looks):
        news = np.zeros(len(first), bool)
        for column, image, _ in _flags(first, second, rank, label):
            news |= (image >= 0) & (partner[column, image] < 0)
        # What is flagged already needs no second reason: a set of nothing but copies would take for ever.
        chosen = np.flatnonzero(news & (content[first] != content[second]))
        chosen = chosen[_alike(looks, first[chosen], second[chosen])]
        for column, image, other in _flags(first[chosen], second[chosen], rank, label):
            partner[column, image[image >= 0]] = other[image >= 0]
    ids = np.array([*accepted["id"], None], object)  # the last stands for none
    return {name: ids[partner[number]] for number, name in enumerate(COLUMNS)}


def tied(looks: Looks, contents: Sequence[str]) -> list[str]:
    """``contents``, a key by image, in which images that are near, or near through others, have the first one's."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for a, b in _candidates(looks):
        alike = _alike(looks, a, b)
        first, second = np.append(first, a[alike]), np.append(second, b[alike])
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(len(contents), len(contents)))
    chain = connected_components(graph, directed=False)[1]
    head = np.unique(chain, return_index=True)[1]
    return [contents[position] for position in head[chain]]


def _candidates(looks: Looks) -> Iterator[tuple[Indices, Indices]]:
    """Pairs whose hashes differ in at most LIMIT bits, in parts; the smaller index is the first."""
    looked = np.flatnonzero(~looks.flat)
    bits = np.unpackbits(looks.hashes[looked].view(np.uint8), axis=1)
    for part in range(_PARTS):  # every 16th bit, so that each part has coarse and fine coefficients
        key = np.packbits(bits[:, part :: BITS // _PARTS], axis=1).view(np.uint16).ravel()
        order = np.lexsort((looks.hashes[looked, 0], key))
        alive = np.arange(len(order))
        for step in range(1, NEIGHBOURS + 1):
            alive = alive[alive + step < len(order)]
            alive = alive[key[order[alive]] == key[order[alive + step]]]
            if not len(alive):
                break
            a, b = looked[order[alive]], looked[order[alive + step]]
            near = np.bitwise_count(looks.hashes[a] ^ looks.hashes[b]).sum(1) <= LIMIT
            if near.any():
                yield np.minimum(a, b)[near], np.maximum(a, b)[near]


def _flags(
    first: Indices, second: Indices, rank: NDArray[np.int64], label: NDArray[np.int64]
) -> list[tuple[int, Indices, Indices]]:
    """What pairs of near images mean: number of a column, the image of each pair that it flags or -1, the other one."""
    earlier, same = rank[first] < rank[second], rank[first] == rank[second]
    agree = label[first] == label[second]
    return [
        (0, np.where(same, -1, np.where(earlier, first, second)), np.where(earlier, second, first)),
        (1, np.where(same, second, -1), first),
        (2, np.where(agree, -1, first), second),
        (2, np.where(agree, -1, second), first),
    ]


def _alike(looks: Looks, first: Indices, second: Indices) -> Indices:
    """Positions of the pairs whose thumbnails correlate by at least LEAST."""
    kept = [np.zeros(0, np.int64)]
    for start in range(0, len(first), _CHUNK):
        pair = slice(start, start + _CHUNK)
        a, b = (_standardised(looks.thumbnails[side[pair]]) for side in (first, second))
        kept.append(start + np.flatnonzero((a * b).sum(1) >= LEAST))
    return np.concatenate(kept)


def _standardised(thumbnails_NTT: NDArray[np.uint8]) -> NDArray[np.float32]:
    x = thumbnails_NTT.reshape(len(thumbnails_NTT), -1).astype(np.float32)
    x -= x.mean(1, keepdims=True)
    length: NDArray[np.float32] = np.linalg.norm(x, axis=1, keepdims=True)
    x /= np.maximum(length, np.float32(1e-6))
    return x
