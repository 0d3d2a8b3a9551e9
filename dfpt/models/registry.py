"""Backbones by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial

from dfpt.errors import UsageError
from dfpt.models.backbone import Backbone
from dfpt.models.efficientnet_lite import efficientnet_lite0
from dfpt.models.resnet import DEPTHS, resnet
from dfpt.models.tiny import WIDTHS, tiny

_SCRATCH: dict[str, Callable[[int, int, int], Backbone]] = {
    **{f"resnet{depth}": partial(resnet, depth) for depth in DEPTHS},
    **{name: partial(tiny, name) for name in WIDTHS},
}
_PRETRAINED = {"efficientnet_lite0": efficientnet_lite0}
_DEFAULT_SIZE = 32
_SMALLEST = 8


def names() -> list[str]:
    """The names that :func:`create` takes."""
    return sorted([*_SCRATCH, *_PRETRAINED])


def create(
    name: str, num_classes: int, in_channels: int = 3, image_size: int | None = None, pretrained: bool = False
) -> Backbone:
    """A network for images (B, in_channels, image_size, image_size) and ``num_classes`` logits.

    Raises:
        UsageError: an unknown name, impossible sizes, or ``pretrained`` where no weights are packaged.
    """
    size = image_size or _DEFAULT_SIZE
    if num_classes < 2 or in_channels not in (1, 3) or size < _SMALLEST:
        raise UsageError(
            f"{name} cannot be built for {num_classes} classes, {in_channels} channels and {size} pixels.",
            f"It takes 2 classes or more, 1 or 3 channels, {_SMALLEST} pixels or more.",
        )
    if name in _PRETRAINED:
        return _PRETRAINED[name](num_classes, in_channels, size, pretrained)
    if name not in _SCRATCH:
        near = difflib.get_close_matches(name, names(), n=1)
        raise UsageError(f"Unknown model {name!r}.", f"Did you mean {near[0]}?" if near else f"One of {names()}.")
    if pretrained:
        raise UsageError(f"No weights are packaged for {name}.", "Set teacher.pretrained=false.")
    return _SCRATCH[name](num_classes, in_channels, size)
