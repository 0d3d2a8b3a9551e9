"""ShuffleNetV2 (Ma et al. 2018), width 1, in the layout of the public CRD models: a 1x1 stem without pooling."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfpt.models.backbone import Backbone, pooled_linear
from dfpt.models.layers import conv_norm

_STEM, _HEAD = 24, 1024
_WIDTHS = (116, 232, 464)
_BLOCKS = (4, 8, 4)


class SplitUnit(nn.Module):
    """Half of the channels pass by, the others are convolved; then the halves are shuffled: (B, C, H, W) both."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.right = _right(width // 2, width // 2, stride=1)

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=1)
        return F.channel_shuffle(torch.cat((left, self.right(right)), dim=1), 2)


class DownUnit(nn.Module):
    """Both halves are convolved from the whole input: (B, C_in, H, W) -> (B, C_out, H / 2, W / 2)."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.left = nn.Sequential(
            *conv_norm(width_in, width_in, 3, 2, groups=width_in), *conv_norm(width_in, width // 2), nn.ReLU()
        )
        self.right = _right(width_in, width // 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return F.channel_shuffle(torch.cat((self.left(x), self.right(x)), dim=1), 2)


def _right(width_in: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        *conv_norm(width_in, width),
        nn.ReLU(),
        *conv_norm(width, width, 3, stride, groups=width),
        *conv_norm(width, width),
        nn.ReLU(),
    )


def shufflenet_v2(num_classes: int, in_channels: int, image_size: int) -> Backbone:
    """Three stages at 1/2, 1/4 and 1/8 of the image's resolution."""
    stem = nn.Sequential(*conv_norm(in_channels, _STEM), nn.ReLU())
    stages = []
    width_in = _STEM
    for width, blocks in zip(_WIDTHS, _BLOCKS, strict=True):
        stages.append(nn.Sequential(DownUnit(width_in, width), *(SplitUnit(width) for _ in range(blocks - 1))))
        width_in = width
    head = nn.Sequential(*conv_norm(width_in, _HEAD), nn.ReLU(), *pooled_linear(_HEAD, num_classes))
    return Backbone(stem, stages, head, _WIDTHS)
