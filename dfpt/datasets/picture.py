"""One image file to pixels at the working size: everything that is known of broken and hostile files is here."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from dfpt.datasets.sources import FORMATS, SUFFIXES, Item

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 100_000_000  # an image above it is refused from its header, before memory is taken for it

Pixels = NDArray[np.uint8]
_PHOTOMETRIC = 262  # TIFF's tag PhotometricInterpretation


@dataclass(frozen=True)
class Decoded:
    """What is known of an image once it is read.

    Attributes:
        sha256: of the file; empty where it could not or may not be read at all.
        width, height: of the original, pixels.
        mean, std: of the pixels at the working size, in [0, 1].
        error: why there are no pixels, or None.
        doubt: why the image may not be what it seems although it can be decoded, or None.
    """

    sha256: str = ""
    width: int = 0
    height: int = 0
    mean: float = 0.0
    std: float = 0.0
    error: str | None = None
    doubt: str | None = None


class Picture(NamedTuple):
    pixels: Pixels
    width: int
    height: int
    kind: str  # one of FORMATS
    doubt: str | None  # why there may be more to see, or None


def into(row: Pixels, item: Item) -> Decoded:
    """Read ``item`` and decode it into ``row`` (size, size, channels), which stays as it is where that fails."""
    digest = ""
    try:
        content = item.read()
        digest = hashlib.sha256(content).hexdigest()
        found = decode(content, row.shape[0], row.shape[2])
    except Exception as error:  # PIL's decoders raise nearly anything on broken files; each becomes a rejected row
        return Decoded(digest, error=_reason(error))
    row[:] = found.pixels
    mean, std = float(found.pixels.mean() / 255), float(found.pixels.std() / 255)
    return Decoded(digest, found.width, found.height, mean, std, doubt=_doubt(item.path, found.kind) or found.doubt)


def decode(content: bytes, size: int, channels: int) -> Picture:
    """One image file as uint8 (size, size, channels), with the original's width and height.

    The sides are scaled each by itself: an image that is not square is squeezed, not cropped. Grey of 16 bits is
    divided by 257, whatever range the image uses, so that brightness stays comparable between images.

    Raises:
        ValueError: too large, or pixels of a kind that is not read; besides, whatever PIL raises on broken files.
    """
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ValueError(f"{width} x {height} pixels are more than {MAX_PIXELS:,}")
        kind = "JPEG" if image.format == "MPO" else str(image.format)  # a JPEG with a preview behind it
        image.draft("L" if channels == 1 else "RGB", (2 * size, 2 * size))  # JPEG alone: decodes a reduced image
        doubt = _seen_in_part(image, kind)
        upright = ImageOps.exif_transpose(image)
        white_is_zero = kind == "TIFF" and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
        flat = _eight_bits(upright, white_is_zero).convert("L" if channels == 1 else "RGB")
        # BOX is the mean over the area, the right thing when shrinking; when growing it would be blocks.
        shrink = size <= min(flat.size)
        flat = flat.resize((size, size), Image.Resampling.BOX if shrink else Image.Resampling.BILINEAR)
        return Picture(np.asarray(flat, np.uint8).reshape(size, size, channels), width, height, kind, doubt)


def _seen_in_part(image: Image.Image, kind: str) -> str | None:
    """Why the pixels may not be all that there is to see, or None."""
    if kind != "JPEG" and (frames := getattr(image, "n_frames", 1)) > 1:
        return f"{frames} frames, of which only the first is read"
    if image.has_transparency_data and not image.mode.startswith("I"):
        lowest, _ = cast(tuple[int, int], image.convert("RGBA").getchannel("A").getextrema())
        return None if lowest == 255 else "transparent in places, where its hidden colours are read"
    return None


def _eight_bits(image: Image.Image, white_is_zero: bool) -> Image.Image:
    """Where white is zero, as in X-ray images, turned round, as PIL does with those of 8 bits."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range: save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    grey = np.asarray(image).clip(0, 65535) // 257
    return Image.fromarray((255 - grey if white_is_zero else grey).astype(np.uint8))


def _doubt(path: str, kind: str) -> str | None:
    named = SUFFIXES.get(PurePosixPath(path).suffix.lower(), kind)
    return None if named == kind else f"a {kind} file under the name of a {named} file"


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombError):  # PIL's own limit is above ours
        return f"its header promises more than {MAX_PIXELS:,} pixels"
    if isinstance(error, UnidentifiedImageError):  # its text holds an address in memory
        return "not an image file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def sendable(item: Item) -> Item:
    """``item`` with its content as a file or bytes, so that another process can read it; nothing else but its path."""
    if isinstance(item.content, Path | bytes) or item.refused is not None:
        return Item("", item.path, "", item.content, refused=item.refused)
    try:
        return Item("", item.path, "", item.read())
    except OSError as error:
        return Item("", item.path, "", b"", refused=_reason(error))
