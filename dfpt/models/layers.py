"""The pair of layers that nearly every convolutional network is made of."""

from __future__ import annotations

from torch import nn


def conv_norm(width_in: int, width: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution without bias and its BatchNorm: (B, width_in, H, W) -> (B, width, ceil(H / stride), ...)."""
    conv = nn.Conv2d(width_in, width, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width))
