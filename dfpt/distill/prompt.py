"""Prompt and fusion blocks, the only new layers of the prompt-based forward path."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dfpt.config import Blocks

_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "layer": lambda width: nn.GroupNorm(1, width),
    "none": lambda width: nn.Identity(),
}
_ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


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

    Norm and activation between them, and the zero last layer that makes the block start as "add nothing", are ours.

    Args:
        width: channels of the stage's output, (B, width, H, W) in and out.
        settings: ratio is r1, partial r2, kernels are the partial convolutions', in order.
    """

    def __init__(self, width: int, settings: Blocks) -> None:
        super().__init__()
        inner = max(1, round(width * settings.ratio))
        self.down = _pointwise(width, inner, settings)
        self.mix = nn.Sequential(
            *(
                nn.Sequential(PartialConv(inner, kernel, settings.partial), *_pointwise(inner, inner, settings))
                for kernel in settings.kernels
            )
        )
        self.up = nn.Conv2d(inner, width, 1)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.up(self.mix(self.down(x)))
        return y


def _pointwise(width_in: int, width: int, settings: Blocks) -> nn.Sequential:
    norm, activation = _NORMS[settings.norm](width), _ACTIVATIONS[settings.activation]()
    return nn.Sequential(nn.Conv2d(width_in, width, 1, bias=settings.norm == "none"), norm, activation)


class FusionBlock(nn.Conv2d):
    """F_i: a 1x1 convolution over stage output plus prompt, (B, width, H, W); it starts as identity."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width, 1)
        nn.init.dirac_(self.weight)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]
