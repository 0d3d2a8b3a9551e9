"""Sources of images, the manifest, decoding, splits and what is checked before training."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dfpt.datasets.imageset import ImageSet, load
    from dfpt.datasets.task import Task

__all__ = ["ImageSet", "Task", "load"]

_HOME = {"ImageSet": "dfpt.datasets.imageset", "load": "dfpt.datasets.imageset", "Task": "dfpt.datasets.task"}


def __getattr__(name: str) -> Any:
    """Import on first use: `dfpt --help` must not pay for pandas."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
