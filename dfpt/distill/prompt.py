"""Prompt and fusion blocks, the only new layers of the prompt-based forward path."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class PartialConv(nn.Module):
    """A k x k convolution over the first channels only; the others pass by (FasterNet, Chen et al. 2023).

    Args:
        width: channels in and out, (B, width, H, W) both.
        kernel: k, odd.
        partial: r2, the fraction of channels that is convolved.
    """

    def __init__(self, width: int, kernel: int, partial: float) -> None:
        super().__init__()
        self.convolved = max(1, round(width * partial))
        self.conv = nn.Conv2d(self.convolved, self.convolved, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.conv(x[:, : self.convolved]), x[:, self.convolved :]), dim=1)


class PromptBlock(nn.Module):
    """P_i: 1x1 down by r1, for each kernel a partial convolution and a 1x1 convolution, 1x1 up (paper's prompt block).

    BatchNorm and ReLU between them, and the zero last layer that makes the block start as "add nothing", are ours.

    Args:
        width: channels of the stage's output, (B, width, H, W) in and out.
        ratio: r1.
        partial: r2.
        kernels: of the partial convolutions, in order.
    """

    def __init__(self, width: int, ratio: float, partial: float, kernels: Sequence[int]) -> None:
        super().__init__()
        inner = max(1, round(width * ratio))
        self.down = _pointwise(width, inner)
        self.mix = nn.Sequential(
            *(nn.Sequential(PartialConv(inner, k, partial), *_pointwise(inner, inner)) for k in kernels)
        )
        self.up = nn.Conv2d(inner, width, 1)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.up(self.mix(self.down(x)))
        return y


def _pointwise(width_in: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width_in, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())


class FusionBlock(nn.Conv2d):
    """F_i: a 1x1 convolution over stage output plus prompt, (B, width, H, W); it starts as identity."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width, 1)
        nn.init.dirac_(self.weight)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]
