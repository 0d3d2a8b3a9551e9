"""Image files to one memory-mapped array at the working size.

Threads, because PIL decodes and resizes without the interpreter's lock; a memory map, because a data set may be larger
than memory.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfpt.context import Context
from dfpt.datasets.sources import Item
from dfpt.errors import StepFailed

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 100_000_000  # an image above it is refused from its header, before memory is taken for it
CHUNK = 256  # images between two reports

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Decoded:
    """What is known of an image once it is read: ``mean`` and ``std`` of the pixels at the working size, in [0, 1]."""

    sha256: str = ""
    width: int = 0  # of the original, pixels
    height: int = 0
    mean: float = 0.0
    std: float = 0.0
    error: str | None = None


def decode_all(items: tuple[Item, ...], target: Path, size: int, channels: int, context: Context) -> list[Decoded]:
    """Decode ``items`` into ``target``, a .npy file of uint8 (N, size, size, channels); row i is ``items[i]``.

    An image that cannot be read leaves zeros and an ``error``.

    Raises:
        StepFailed: the disk is full, or the work was cancelled.
    """
    array = _allocate(target, (len(items), size, size, channels))
    decoded: list[Decoded] = []
    from PIL import Image

    with ThreadPoolExecutor(_cores()) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is our limit
        for start in range(0, len(items), CHUNK):
            if context.cancelled():
                raise StepFailed("Interrupted while decoding images.", "Run it again.")
            chunk = range(start, min(start + CHUNK, len(items)))
            decoded += pool.map(partial(_into, array, items), chunk)
            context.reporter.progress(chunk.stop, len(items), "images decoded")
    return decoded


def decode(content: bytes, size: int, channels: int) -> tuple[Pixels, int, int]:
    """One image file as uint8 (size, size, channels), and the original's width and height.

    The sides are scaled each by itself: an image that is not square is squeezed, not cropped. Grey of 16 bits is
    divided by 257, whatever range the image uses, so that brightness stays comparable between images.

    Raises:
        ValueError: too large, or pixels of a kind that is not read; besides, whatever PIL raises on broken files.
    """
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ValueError(f"{width} x {height} pixels are more than {MAX_PIXELS:,}")
        image.draft("L" if channels == 1 else "RGB", (2 * size, 2 * size))  # JPEG alone: decodes a reduced image
        upright = ImageOps.exif_transpose(image)
        flat = _eight_bits(upright).convert("L" if channels == 1 else "RGB")
        # BOX is the mean over the area, the right thing when shrinking; when growing it would be blocks.
        shrink = size <= min(flat.size)
        flat = flat.resize((size, size), Image.Resampling.BOX if shrink else Image.Resampling.BILINEAR)
        return np.asarray(flat, np.uint8).reshape(size, size, channels), width, height


def _into(array: Pixels, items: tuple[Item, ...], row: int) -> Decoded:
    digest = ""
    try:
        content = items[row].read()
        digest = hashlib.sha256(content).hexdigest()
        size, channels = array.shape[2:]
        pixels, width, height = decode(content, size, channels)
    except Exception as error:  # PIL's decoders raise nearly anything on broken files; each becomes a rejected row
        return Decoded(digest, error=_reason(error))
    array[row] = pixels
    return Decoded(digest, width, height, float(pixels.mean() / 255), float(pixels.std() / 255))


def _eight_bits(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range: save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))


def _reason(error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):  # its text holds an address in memory
        return "not an image file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _allocate(target: Path, shape: tuple[int, ...]) -> Pixels:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        array: Pixels = np.lib.format.open_memmap(target, "w+", np.uint8, shape)
        if hasattr(os, "posix_fallocate"):  # else a full disk would kill the process by a signal, at the first write
            with target.open("rb+") as stream:
                os.posix_fallocate(stream.fileno(), 0, target.stat().st_size)
    except OSError as error:
        needed = int(np.prod(shape)) / 2**20
        raise StepFailed(
            f"Cannot write {target} ({needed:.0f} MiB): {error.strerror}.",
            "Free some space, or choose another state folder with --home.",
        ) from error
    return array


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
