"""CIFAR ResNets (He et al. 2015, section 4.2), in the layout of the public CRD models: 1x1 shortcuts with BatchNorm."""

from __future__ import annotations

from torch import nn

from dfpt.models.backbone import Backbone, pooled_linear
from dfpt.models.layers import conv_norm
from dfpt.models.residual import residual_stage

_NARROW = (16, 16, 32, 64)
_WIDE = (32, 64, 128, 256)  # "x4"; its stem is 2 times as wide, not 4
# Name -> layers in all (6n + 2), channels of the stem and of each stage.
LAYOUTS = {
    **{f"resnet{depth}": (depth, _NARROW) for depth in (8, 14, 20, 32, 44, 56, 110)},
    **{f"resnet{depth}x4": (depth, _WIDE) for depth in (8, 32)},
}


def resnet(name: str, num_classes: int, in_channels: int, image_size: int) -> Backbone:
    """Three stages at 1, 1/2 and 1/4 of the image's resolution."""
    depth, (width_in, *widths) = LAYOUTS[name]
    stem = nn.Sequential(*conv_norm(in_channels, width_in, 3), nn.ReLU())
    stages = []
    for index, width in enumerate(widths):
        stages.append(residual_stage(width_in, width, (depth - 2) // 6, stride=2 if index else 1))
        width_in = width
    return Backbone(stem, stages, pooled_linear(width_in, num_classes), widths)
