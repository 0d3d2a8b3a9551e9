"""Students for edge devices (ours): three residual stages of dense 3x3 convolutions, which small CPUs and NPUs like.

The stem divides the resolution by 2, from 96 pixels on by 4, so that cost follows the parameter count more than the
input size.
"""

from __future__ import annotations

from torch import nn

from dfpt.models.backbone import Backbone, pooled_linear
from dfpt.models.residual import residual_stage

WIDTHS = {
    "tiny_20k": (8, 16, 32),
    "tiny_60k": (16, 32, 52),
    "tiny_160k": (24, 48, 88),
    "tiny_200k": (32, 64, 88),
    "tiny_500k": (48, 96, 144),
}
_LARGE = 96


def tiny(name: str, num_classes: int, in_channels: int, image_size: int) -> Backbone:
    widths = WIDTHS[name]
    stem = nn.Sequential(nn.Conv2d(in_channels, widths[0], 3, 2, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
    if image_size >= _LARGE:
        stem.append(nn.MaxPool2d(2))
    stages = []
    width_in = widths[0]
    for index, width in enumerate(widths):
        stages.append(residual_stage(width_in, width, blocks=1, stride=2 if index else 1))
        width_in = width
    return Backbone(stem, stages, pooled_linear(width_in, num_classes), widths)
