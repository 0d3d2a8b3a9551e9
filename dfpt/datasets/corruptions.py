"""What happens to images on a line: noise, blur, another light, a turned part. Pixels in, pixels out.

All take and give uint8 (N, S, S, C); values are rounded and cut off at black and white, as a camera does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dfpt.corruption import STRENGTHS, SUITE

Pixels = NDArray[np.uint8]

_BLUR_SIDE = 64  # pixels a side that the blur's sigma is given for
_AT_ONCE = 128  # images: bounds the memory of their float32 form


def corrupt(images: Pixels, kind: str, strength: int) -> Pixels:
    """The images under one kind of the suite at one of its strengths; the same images give the same result."""
    value = SUITE[kind][STRENGTHS.index(strength)]
    random = np.random.default_rng(0)
    corrupted = np.empty_like(images)
    for start in range(0, len(images), _AT_ONCE):
        piece = images[start : start + _AT_ONCE]
        match kind:
            case "noise":
                piece = noise(piece, value, random)  # goes on drawing: the same as all images at once
            case "blur":
                piece = blur(piece, value)
            case "rotation":
                piece = rotation(piece, value)
            case "contrast":
                piece = contrast(piece, value)
            case _:
                piece = brightness(piece, value)
        corrupted[start : start + _AT_ONCE] = piece
    return corrupted


def noise(images: Pixels, sigma: float, random: np.random.Generator) -> Pixels:
    """Normal noise on every pixel, ``sigma`` as a fraction of the grey range."""
    drawn = random.standard_normal(images.shape, dtype=np.float32)
    return _pixels(images + 255 * sigma * drawn)


def blur(images: Pixels, sigma: float) -> Pixels:
    """Gaussian blur; ``sigma`` in pixels of an image of 64 pixels a side, so that it is the same at every size."""
    from scipy import ndimage

    width = sigma * images.shape[1] / _BLUR_SIDE
    return _pixels(ndimage.gaussian_filter(images.astype(np.float32), (0, width, width, 0), mode="reflect"))


def brightness(images: Pixels, factor: float) -> Pixels:
    """Every grey value times ``factor``."""
    return _pixels(images * np.float32(factor))


def contrast(images: Pixels, factor: float) -> Pixels:
    """Every grey value's distance from the mean of its image times ``factor``."""
    mean = images.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float32)
    return _pixels(mean + (images - mean) * np.float32(factor))


def rotation(images: Pixels, degrees: float) -> Pixels:
    """Turned about the centre, counter-clockwise; what comes in from outside is the mirrored image."""
    from scipy import ndimage

    x = images.astype(np.float32)
    return _pixels(ndimage.rotate(x, degrees, axes=(2, 1), reshape=False, order=3, mode="reflect"))


def _pixels(values: NDArray[np.float32]) -> Pixels:
    return values.round().clip(0, 255).astype(np.uint8)
