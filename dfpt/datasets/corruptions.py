"""What happens to images on a line: noise, blur, another light, a turned part. Pixels in, pixels out.

All take and give uint8 (N, S, S, C); values are rounded and cut off at black and white, as a camera does.

``SUITE`` is the test-time suite: six kinds at five strengths (ours): 1 is what a well-kept line still shows, 3 what a
person sees at once, 5 a fault of the camera. The same images give the same corrupted images.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_BLUR_SIDE = 64  # pixels a side that the blur's sigma is given for
_AT_ONCE = 128  # images: bounds the memory of their float32 form

# kind -> its strengths 1 to 5, in the unit of the function that it is named after
SUITE: Mapping[str, tuple[float, float, float, float, float]] = {
    "noise": (0.02, 0.04, 0.06, 0.1, 0.15),  # sigma, as a fraction of the grey range
    "blur": (0.5, 1.0, 1.5, 2.0, 3.0),  # sigma, pixels of an image of 64 a side
    "brightness": (1.08, 1.15, 1.25, 1.4, 1.6),  # times every grey value
    "darkness": (0.92, 0.85, 0.75, 0.6, 0.4),  # the same, below 1
    "rotation": (2.5, 5.0, 10.0, 15.0, 20.0),  # degrees
    "contrast": (0.8, 0.65, 0.5, 0.35, 0.2),  # times the distance from the image's mean
}
STRENGTHS = (1, 2, 3, 4, 5)


def corrupt(images: Pixels, kind: str, strength: int) -> Pixels:
    """The images under one kind of ``SUITE`` at one of its strengths."""
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
