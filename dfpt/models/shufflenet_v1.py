"""ShuffleNetV1 (Zhang et al. 2017), 3 groups, in the layout of the public CRD models: a 1x1 stem without pooling."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfpt.models.backbone import Backbone, pooled_linear
from dfpt.models.layers import conv_norm

_STEM, _GROUPS = 24, 3
_WIDTHS = (240, 480, 960)
_BLOCKS = (4, 8, 4)


class ShuffleUnit(nn.Module):
    """Grouped 1x1, shuffle, depthwise 3x3, grouped 1x1; added to its input.

    With stride 2 it halves the resolution, and its input, averaged, takes the last ``width_in`` of the ``width``
    channels instead.
    """

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        own = width - width_in if stride == 2 else width
        inner = own // 4
        self.groups = 1 if width_in == _STEM else _GROUPS  # too few channels for groups
        self.conv1 = nn.Conv2d(width_in, inner, 1, groups=self.groups, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, own, 1, groups=_GROUPS, bias=False)
        self.norm3 = nn.BatchNorm2d(own)

    def forward(self, x: Tensor) -> Tensor:
        y = F.channel_shuffle(F.relu(self.norm1(self.conv1(x))), self.groups)
        y = self.norm3(self.conv3(F.relu(self.norm2(self.conv2(y)))))
        return F.relu(x + y if self.stride == 1 else torch.cat((y, F.avg_pool2d(x, 3, 2, 1)), dim=1))


def shufflenet_v1(num_classes: int, in_channels: int, image_size: int) -> Backbone:
    """Three stages at 1/2, 1/4 and 1/8 of the image's resolution."""
    stem = nn.Sequential(*conv_norm(in_channels, _STEM), nn.ReLU())
    stages = []
    width_in = _STEM
    for width, blocks in zip(_WIDTHS, _BLOCKS, strict=True):
        rest = (ShuffleUnit(width, width, 1) for _ in range(blocks - 1))
        stages.append(nn.Sequential(ShuffleUnit(width_in, width, 2), *rest))
        width_in = width
    return Backbone(stem, stages, pooled_linear(width_in, num_classes), _WIDTHS)
