"""CIFAR ResNets (He et al. 2015, section 4.2), in the layout of the public CRD models: 1x1 shortcuts with BatchNorm."""

from __future__ import annotations

from torch import nn

from dfpt.models.backbone import Backbone, pooled_linear
from dfpt.models.residual import residual_stage

DEPTHS = (8, 14, 20, 32, 56)
_WIDTHS = (16, 32, 64)


def resnet(depth: int, num_classes: int, in_channels: int, image_size: int) -> Backbone:
    """A ResNet of ``depth`` = 6n + 2 layers; it reads any image of 8 pixels and more (CIFAR: 32)."""
    blocks = (depth - 2) // 6
    stem = nn.Sequential(nn.Conv2d(in_channels, _WIDTHS[0], 3, 1, 1, bias=False), nn.BatchNorm2d(_WIDTHS[0]), nn.ReLU())
    stages = []
    width_in = _WIDTHS[0]
    for index, width in enumerate(_WIDTHS):
        stages.append(residual_stage(width_in, width, blocks, stride=2 if index else 1))
        width_in = width
    return Backbone(stem, stages, pooled_linear(width_in, num_classes), _WIDTHS)
