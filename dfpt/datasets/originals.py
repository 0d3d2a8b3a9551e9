"""The file of an image that is already prepared, for the quarantine."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfpt.datasets.sources import Item, resolve
from dfpt.errors import DfptError

if TYPE_CHECKING:
    from pandas import DataFrame


def reader(source: str, table: DataFrame, images: NDArray[np.uint8]) -> Callable[[int], bytes]:
    """From a row of ``table`` to the file as the source has it, or a PNG of the prepared pixels where it is gone.

    The source is listed at the first question, not before: most often there is none.
    """
    listed: dict[str, Item] | None = None

    def read(row: int) -> bytes:
        nonlocal listed
        if listed is None:
            listed = _listed(source)
        name, digest = table["id"].iloc[row], table["sha256"].iloc[row]
        try:
            content = listed[name].read()
        except (KeyError, OSError):
            content = b""
        return content if hashlib.sha256(content).hexdigest() == digest else _png(images[row])

    return read


def _listed(source: str) -> dict[str, Item]:
    try:
        return {item.id: item for item in resolve(source).items}
    except DfptError:  # it was here when prepare read it
        return {}


def _png(pixels_HWC: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels_HWC.squeeze(-1) if pixels_HWC.shape[-1] == 1 else np.asarray(pixels_HWC)).save(buffer, "PNG")
    return buffer.getvalue()
