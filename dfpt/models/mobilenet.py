"""MobileNetV2 (Sandler et al. 2018) at half width, in the layout of the public CRD models.

It differs from the paper's where CRD's does: ReLU instead of ReLU6, stride 1 in the second group, and a first group
that has the expanding convolution too.
"""

from __future__ import annotations

from torch import Tensor, nn

from dfpt.models.backbone import Backbone, pooled_linear
from dfpt.models.layers import conv_norm

# (expansion, width, blocks, stride) of each group, the groups of one stage together.
_STAGES = (
    ((1, 8, 1, 1), (6, 12, 2, 1)),
    ((6, 16, 3, 2),),
    ((6, 32, 4, 2), (6, 48, 3, 1)),
    ((6, 80, 3, 2), (6, 160, 1, 1)),
)
_STEM, _HEAD = 16, 1280


class InvertedResidual(nn.Module):
    """1x1 up, depthwise 3x3, 1x1 down; added to its input where the shapes agree."""

    def __init__(self, width_in: int, width: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = width_in * expansion
        self.body = nn.Sequential(
            *conv_norm(width_in, inner),
            nn.ReLU(),
            *conv_norm(inner, inner, 3, stride, groups=inner),
            nn.ReLU(),
            *conv_norm(inner, width),
        )
        self.residual = stride == 1 and width_in == width

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return x + y if self.residual else y


def mobilenet_v2(num_classes: int, in_channels: int, image_size: int) -> Backbone:
    """Four stages at 1/2, 1/4, 1/8 and 1/16 of the image's resolution."""
    stem = nn.Sequential(*conv_norm(in_channels, _STEM, 3, 2), nn.ReLU())
    stages = []
    width_in = _STEM
    for groups in _STAGES:
        stage = nn.Sequential()
        for expansion, width, blocks, stride in groups:
            group = nn.Sequential(InvertedResidual(width_in, width, stride, expansion))
            for _ in range(blocks - 1):
                group.append(InvertedResidual(width, width, 1, expansion))
            stage.append(group)
            width_in = width
        stages.append(stage)
    head = nn.Sequential(*conv_norm(width_in, _HEAD), nn.ReLU(), *pooled_linear(_HEAD, num_classes))
    return Backbone(stem, stages, head, [groups[-1][1] for groups in _STAGES])
