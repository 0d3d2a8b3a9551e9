"""The residual blocks of He et al. (2015, figure 5), and stages of them."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from dfpt.models.layers import conv_norm


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: (B, C_in, H, W) -> (B, C_out, H / stride, W / stride)."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut = _shortcut(width_in, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.shortcut(x) + self.norm2(self.conv2(y)))


class Bottleneck(nn.Module):
    """1x1 down to a quarter of ``width``, 3x3, 1x1 up, and a shortcut: shapes as :class:`BasicBlock`.

    The 3x3 convolution has the stride, as in the public models (He et al. put it into the first).
    """

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        inner = width // 4
        self.conv1 = nn.Conv2d(width_in, inner, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, width, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(width)
        self.shortcut = _shortcut(width_in, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        return F.relu(self.shortcut(x) + self.norm3(self.conv3(y)))


Block = type[BasicBlock] | type[Bottleneck]


def residual_stage(width_in: int, width: int, blocks: int, stride: int, block: Block = BasicBlock) -> nn.Sequential:
    """``blocks`` blocks to ``width`` channels, the first of which halves the resolution where ``stride`` is 2."""
    return nn.Sequential(block(width_in, width, stride), *(block(width, width, 1) for _ in range(blocks - 1)))


def _shortcut(width_in: int, width: int, stride: int) -> nn.Module:
    """The input itself where it has the block's shape, else a 1x1 convolution of it with BatchNorm."""
    return nn.Identity() if stride == 1 and width_in == width else conv_norm(width_in, width, 1, stride)
