"""Has an image colour? Told by its header alone, because it is asked of every image before any is decoded."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from dfpt.datasets.sources import FORMATS, Item

GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L"})
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KIND = 25  # offset of the colour type in a PNG file
_PNG_GREY = (0, 4)  # without and with transparency


def in_any(items: Iterable[Item]) -> bool:
    """Whether one image has colour; one that cannot be read has none, prepare will name it."""
    return any(_has(item) for item in items if item.refused is None)


def _has(item: Item) -> bool:
    try:
        if isinstance(item.content, Path):
            with item.content.open("rb") as stream:
                head = stream.read(_PNG_KIND + 1)
                return _png(head) if head.startswith(_PNG) else _by_pil(item.content)
        content = item.read()
        return _png(content) if content.startswith(_PNG) else _by_pil(io.BytesIO(content))
    except Exception:  # a broken file may raise anything
        return False


def _png(head: bytes) -> bool:
    return head[_PNG_KIND] not in _PNG_GREY


def _by_pil(file: Path | io.BytesIO) -> bool:
    from PIL import Image

    with Image.open(file, formats=FORMATS) as image:  # reads the header alone
        return image.mode not in GREY_MODES
