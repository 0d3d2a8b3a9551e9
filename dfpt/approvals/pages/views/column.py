"""One of the models that stand side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """One model. ``same_images``: measured on the candidate's own test images, so it may be held against it."""

    key: str
    number: int
    figures: Mapping[str, Any]
    same_images: bool = True
