"""What each image looks like, in one pass over the array: a thumbnail, a perceptual hash, the sharpness.

The hash is the DCT hash (pHash; Zauner 2010) with 16 x 16 coefficients instead of 8 x 8, of a thumbnail of 32 x 32:
images of one kind of product share their coarse form, and only the finer coefficients tell two of them apart.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfpt.datasets.drift.statistics import sharpness

SIDE = 32  # pixels of a thumbnail
SMALLEST = 16  # pixels: of smaller images no hash is taken
BITS = 256

_COEFFICIENTS = 16
_BATCH = 64  # images
_FLAT = 1.0  # standard deviation of the thumbnail, grey values of 255

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Looks:
    """Of N images.

    Attributes:
        sharpness: (N,), logarithm of the Laplacian's variance.
        thumbnails: uint8 (N, T, T), grey; T is SIDE, or less where the images are smaller.
        hashes: uint64 (N, 4), BITS bits each.
        flat: (N,) bool: no content that a hash could be about.
    """

    sharpness: NDArray[np.float64]
    thumbnails: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    flat: NDArray[np.bool_]


def look(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> Looks:
    """At the images (M, S, S, C) of ``rows``; may be a memory map. S is at least SMALLEST."""
    size = images.shape[1]
    side = min(SIDE, size)
    shrink, transform = _shrinking(size, side), _cosines(side)
    batches = [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # numpy computes without the interpreter's lock
        found = list(pool.map(lambda batch: _of_batch(np.asarray(images[batch]), shrink, transform), batches))
    if not found:
        found = [_of_batch(np.zeros((0, size, size, 1), np.uint8), shrink, transform)]
    return Looks(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _of_batch(
    pixels_BHWC: NDArray[np.uint8], shrink: Floats, transform: Floats
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.uint64], NDArray[np.bool_]]:
    grey: Floats = pixels_BHWC[..., 0].astype(np.float32)
    if pixels_BHWC.shape[-1] > 1:
        grey = pixels_BHWC.mean(3, dtype=np.float32)
    small = _both_sides(grey, shrink)
    coefficients = _both_sides(small, transform).reshape(len(small), _COEFFICIENTS**2)
    middle = np.median(coefficients[:, 1:], axis=1, keepdims=True)  # without the mean brightness
    bits = np.packbits(coefficients > middle, axis=1).view(np.uint64)
    flat = small.std((1, 2)) < _FLAT
    return sharpness(grey / np.float32(255)), small.round().astype(np.uint8), bits, flat


def _both_sides(x_BHW: Floats, matrix_KW: Floats) -> Floats:
    """``matrix @ x @ matrix.T`` of each image, as two products of large matrices."""
    number, side, kept = len(x_BHW), x_BHW.shape[1], len(matrix_KW)
    rows: Floats = (x_BHW.reshape(-1, side) @ matrix_KW.T).reshape(number, side, kept).transpose(0, 2, 1)
    done: Floats = (rows.reshape(-1, side) @ matrix_KW.T).reshape(number, kept, kept)
    both: Floats = done.transpose(0, 2, 1)
    return both


def _shrinking(size: int, side: int) -> Floats:
    """(side, size): the mean over the area of each pixel of the thumbnail."""
    edges = np.linspace(0, size, side + 1)
    pixel = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (overlap.clip(0) * side / size).astype(np.float32)


def _cosines(side: int) -> Floats:
    """(16, side): the first rows of the DCT-II."""
    places = 2 * np.arange(side) + 1
    found: Floats = np.cos(np.pi * places * np.arange(_COEFFICIENTS)[:, None] / (2 * side)).astype(np.float32)
    return found
