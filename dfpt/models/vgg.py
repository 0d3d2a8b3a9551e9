"""VGG with BatchNorm (Simonyan and Zisserman 2014) without its wide linear layers: the layout of the CRD models."""

from __future__ import annotations

from torch import nn

from dfpt.models.backbone import Backbone, pooled_linear

_WIDTHS = (64, 128, 256, 512, 512)
# Name -> 3x3 convolutions between the poolings; VGG-8 is CRD's, the others are table 1's A, B, D, E.
LAYOUTS = {
    "vgg8": (1, 1, 1, 1, 1),
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
_LARGE = 64


def vgg(name: str, num_classes: int, in_channels: int, image_size: int) -> Backbone:
    """Four stages at 1/2, 1/4, 1/8 and 1/8 of the image's resolution; the last at 1/16 from 64 pixels on.

    CRD pools before the last stage at 64 pixels and not at 32; from where on is ours.
    """
    blocks = LAYOUTS[name]
    stem = _convolutions(in_channels, _WIDTHS[0], blocks[0])
    stages = []
    for index in range(1, len(blocks)):
        pooled = index < len(blocks) - 1 or image_size >= _LARGE
        pool = nn.MaxPool2d(2) if pooled else nn.Identity()
        stages.append(nn.Sequential(pool, _convolutions(_WIDTHS[index - 1], _WIDTHS[index], blocks[index])))
    return Backbone(stem, stages, pooled_linear(_WIDTHS[-1], num_classes), _WIDTHS[1:])


def _convolutions(width_in: int, width: int, count: int) -> nn.Sequential:
    layers = nn.Sequential()
    for _ in range(count):
        layers.extend((nn.Conv2d(width_in, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()))
        width_in = width
    return layers
