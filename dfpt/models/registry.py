"""Backbones by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dfpt import backbone_names
from dfpt.backbone_names import SMALLEST
from dfpt.errors import UsageError
from dfpt.models import (
    efficientnet_lite,
    imagenet_resnet,
    resnet,
    timm_models,
    tiny,
    torchvision_models,
    vgg,
    wide_resnet,
)
from dfpt.models.backbone import Backbone
from dfpt.models.mobilenet import mobilenet_v2
from dfpt.models.packaged import load_packaged
from dfpt.models.shufflenet_v1 import shufflenet_v1
from dfpt.models.shufflenet_v2 import shufflenet_v2
from dfpt.settings import nearest

_BUILDERS: dict[str, Callable[[int, int, int], Backbone]] = {
    **{name: partial(resnet.resnet, name) for name in resnet.LAYOUTS},
    **{name: partial(imagenet_resnet.imagenet_resnet, name) for name in imagenet_resnet.LAYOUTS},
    **{name: partial(wide_resnet.wide_resnet, name) for name in wide_resnet.LAYOUTS},
    **{name: partial(vgg.vgg, name) for name in vgg.LAYOUTS},
    **{name: partial(efficientnet_lite.efficientnet_lite, name) for name in efficientnet_lite.LAYOUTS},
    **{name: partial(tiny.tiny, name) for name in tiny.WIDTHS},
    "mobilenet_v2": mobilenet_v2,
    "shufflenet_v1": shufflenet_v1,
    "shufflenet_v2": shufflenet_v2,
}
_LIBRARIES = {
    "timm": (timm_models.create, timm_models.normalisation),
    "torchvision": (torchvision_models.create, torchvision_models.normalisation),
}
_DEFAULT_SIZE = 32
_PACKAGED = 127 / 255, 128 / 255  # the packaged weights were trained on (pixel - 127) / 128


def names() -> list[str]:
    """The names that :func:`create` takes."""
    return sorted(_BUILDERS)


def create(
    name: str, num_classes: int, in_channels: int = 3, image_size: int | None = None, pretrained: bool = False
) -> Backbone:
    """A network for images (B, in_channels, image_size, image_size) and ``num_classes`` logits.

    Args:
        name: one of :func:`names`, ``timm:NAME`` or ``torchvision:NAME``.

    Raises:
        UsageError: an unknown name, impossible sizes, or ``pretrained`` where no weights are packaged.
    """
    if not backbone_names.known(name):
        raise UsageError(f"Unknown model {name!r}.", nearest(name, names()))
    size = _DEFAULT_SIZE if image_size is None else image_size
    if num_classes < 2 or in_channels < 1 or size < SMALLEST:
        raise UsageError(
            f"{name} cannot be built for {num_classes} classes, {in_channels} channels and {size} pixels.",
            f"It takes 2 classes or more, 1 channel or more, {SMALLEST} pixels or more.",
        )
    library, colon, foreign = name.partition(":")
    if colon:
        build, _ = _LIBRARIES[library]
        return build(foreign, num_classes, in_channels, pretrained)
    network = _BUILDERS[name](num_classes, in_channels, size)
    if pretrained:
        load_packaged(network, name, in_channels)
    return network


def normalisation(name: str) -> tuple[float, float]:
    """Mean and standard deviation of pixels on [0, 1] that pre-trained weights of ``name`` were trained on.

    One number for all channels, since an inspection image may have any: of another library's the mean of the colours'.
    """
    library, colon, foreign = name.partition(":")
    if not colon:
        return _PACKAGED
    _, look_up = _LIBRARIES[library]
    return look_up(foreign)
