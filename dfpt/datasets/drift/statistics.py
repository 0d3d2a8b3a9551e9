"""What a camera, a lens, a light or a fixture changes in an image, as a few numbers for each image."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from dfpt.errors import UsageError

GREY = {
    "brightness": "mean grey value",
    "shadows": "grey value below which 5 % of the pixels lie",
    "highlights": "grey value above which 5 % of the pixels lie",
    "contrast": "standard deviation of the grey values",
    "unevenness": "standard deviation between 8 x 8 fields of the image: how evenly it is lit",
    "sharpness": "logarithm of the Laplacian's variance (Pech-Pacheco 2000): falls with blur",
    "noise": "logarithm of the noise level (Immerkaer 1996)",
    "edges": "logarithm of the mean squared gradient",
    "direction": "balance of upright (+1) and level (-1) edges",
    "slant": "balance of edges along the two diagonals",
    "alignment": "how much of the edges lies along the image's sides (+1) or diagonals (-1)",
    "tilt": "on which side of upright and level the edges lie: moves as soon as the object is turned",
}
COLOUR = {
    "red cast": "mean of red less mean of green",
    "blue cast": "mean of blue less mean of green",
}
SMALLEST = 8  # pixels a side: below it a Laplacian and 8 fields say nothing

_FIELDS = 8
_BATCH = 32  # images: what a core works on stays in its cache
_TINY = 1e-7

Values = NDArray[np.float64]


def names(channels: int) -> dict[str, str]:
    """The statistics of images with that many channels, in the order of the columns -> what each one is."""
    return GREY | COLOUR if channels == 3 else GREY


def measure(
    images: NDArray[np.uint8], rows: NDArray[np.int64], channels: int, told: Callable[[int, int], None]
) -> Values:
    """The statistics (N, F) of the images at ``rows``.

    Args:
        images: (M, S, S, C), C 1 or 3; may be a memory map.
        channels: which statistics are asked for. Grey images have no cast.
        told: (images done, of how many).

    Raises:
        UsageError: the images are too small.
    """
    if images.shape[1] < SMALLEST:
        raise UsageError(
            f"Images of {images.shape[1]} pixels a side are too small to be compared.",
            f"Prepare them with data.image_size of {SMALLEST} or more.",
        )
    found = np.zeros((len(rows), len(names(channels))))
    batches = [slice(start, start + _BATCH) for start in range(0, len(rows), _BATCH)]
    with ThreadPoolExecutor() as pool:  # numpy computes without the interpreter's lock
        values = pool.map(lambda batch: _of_batch(np.asarray(images[rows[batch]]), channels), batches)
        for batch, value in zip(batches, values, strict=True):
            found[batch] = value
            told(min(batch.stop, len(rows)), len(rows))
    return found


def _of_batch(pixels_BHWC: NDArray[np.uint8], channels: int) -> Values:
    grey = pixels_BHWC[..., 0] if pixels_BHWC.shape[-1] == 1 else pixels_BHWC.mean(3).round().astype(np.uint8)
    x: NDArray[np.float32] = np.divide(grey, 255, dtype=np.float32)
    columns = [*_levels(grey), *_light(x), *_detail(x), *_orientation(x)]
    if channels == 3:
        red, green, blue = (pixels_BHWC[..., min(band, pixels_BHWC.shape[-1] - 1)].mean((1, 2)) for band in range(3))
        columns += [(red - green) / 255, (blue - green) / 255]
    return np.stack(columns, 1).astype(np.float64)


def _levels(grey: NDArray[np.uint8]) -> list[Values]:
    """Mean and outer quantiles, from each image's histogram: no sorting."""
    number, pixels = len(grey), grey[0].size
    shifted = grey.reshape(number, -1) + 256 * np.arange(number)[:, None]
    counts = np.bincount(shifted.ravel(), minlength=256 * number).reshape(number, 256)
    below = np.cumsum(counts, 1) / pixels
    return [counts @ np.arange(256) / pixels / 255, (below < 0.05).sum(1) / 255, (below < 0.95).sum(1) / 255]


def _light(x: NDArray[np.float32]) -> list[Values]:
    side = x.shape[1] // _FIELDS
    whole = x[:, : side * _FIELDS, : side * _FIELDS]
    fields = whole.reshape(len(x), _FIELDS, side, _FIELDS, side).mean((2, 4))
    return [x.std((1, 2)), fields.std((1, 2))]


def sharpness(x_BHW: NDArray[np.float32]) -> Values:
    """Of each image; grey values in [0, 1]."""
    found: Values = np.log(_laplacian(x_BHW).var((1, 2)) + _TINY)
    return found


def _laplacian(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:] - 4 * x[:, 1:-1, 1:-1]


def _detail(x: NDArray[np.float32]) -> list[Values]:
    centre, laplacian = x[:, 1:-1, 1:-1], _laplacian(x)
    corners = x[:, :-2, :-2] + x[:, :-2, 2:] + x[:, 2:, :-2] + x[:, 2:, 2:]
    # The difference of two Laplacians, blind to edges: of normal noise its mean size is 6 sigma sqrt(2 / pi).
    noise = np.abs(corners - 2 * laplacian - 4 * centre).mean((1, 2)) * np.sqrt(np.pi / 2) / 6
    return [np.log(laplacian.var((1, 2)) + _TINY), np.log(noise + 1e-4)]


def _orientation(x: NDArray[np.float32]) -> list[Values]:
    """Gradient energy, and the mean of cos and sin of 2 and 4 times the gradient's angle, weighted by energy.

    A turn by an angle turns the pair of 4 times the angle by 4 times as much: 10 degrees become 40.
    """
    across, down = x[:, 1:-1, 2:] - x[:, 1:-1, :-2], x[:, 2:, 1:-1] - x[:, :-2, 1:-1]
    cos2, sin2 = across * across - down * down, 2 * across * down  # times the energy
    energy = across * across + down * down
    total = energy.sum((1, 2)) + _TINY
    safe = np.maximum(energy, _TINY)
    cos4, sin4 = (cos2 * cos2 - sin2 * sin2) / safe, 2 * cos2 * sin2 / safe
    return [np.log(energy.mean((1, 2)) + _TINY), *(part.sum((1, 2)) / total for part in (cos2, sin2, cos4, sin4))]
