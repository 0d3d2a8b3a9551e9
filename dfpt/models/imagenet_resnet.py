"""ResNet-18, -34 and -50 (He et al. 2015, table 1); up to 95 pixels with the stem of the public CRD models."""

from __future__ import annotations

from torch import nn

from dfpt.models.backbone import Backbone, pooled_linear
from dfpt.models.layers import conv_norm
from dfpt.models.residual import BasicBlock, Block, Bottleneck, residual_stage

_NARROW = (64, 128, 256, 512)
_WIDE = (256, 512, 1024, 2048)
# Name -> block, blocks and width of each stage.
LAYOUTS: dict[str, tuple[Block, tuple[int, ...], tuple[int, ...]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2), _NARROW),
    "resnet34": (BasicBlock, (3, 4, 6, 3), _NARROW),
    "resnet50": (Bottleneck, (3, 4, 6, 3), _WIDE),
}
_STEM = 64
_LARGE = 96


def imagenet_resnet(name: str, num_classes: int, in_channels: int, image_size: int) -> Backbone:
    """Four stages at 1, 1/2, 1/4 and 1/8 of the stem's resolution.

    The stem keeps the image's resolution (3x3, stride 1: the variant for 32x32); from 96 pixels on (ours) it is the
    ImageNet stem, 7x7 with stride 2 and max pooling, a quarter of the resolution.
    """
    block, blocks, widths = LAYOUTS[name]
    large = image_size >= _LARGE
    stem = nn.Sequential(*conv_norm(in_channels, _STEM, *((7, 2) if large else (3, 1))), nn.ReLU())
    if large:
        stem.append(nn.MaxPool2d(3, 2, 1))
    stages = []
    width_in = _STEM
    for index, (count, width) in enumerate(zip(blocks, widths, strict=True)):
        stages.append(residual_stage(width_in, width, count, stride=2 if index else 1, block=block))
        width_in = width
    return Backbone(stem, stages, pooled_linear(width_in, num_classes), widths)
