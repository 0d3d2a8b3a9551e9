"""The basic residual block of He et al. (2015): two 3x3 convolutions and a shortcut."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """(B, C_in, H, W) -> (B, C_out, H / stride, W / stride)."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or width_in != width:
            self.shortcut = nn.Sequential(nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.shortcut(x) + self.norm2(self.conv2(y)))


def residual_stage(width_in: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    """``blocks`` basic blocks, the first of which halves the resolution where ``stride`` is 2."""
    return nn.Sequential(BasicBlock(width_in, width, stride), *(BasicBlock(width, width, 1) for _ in range(blocks - 1)))
