"""The stage contract that prompt blocks, cached features and every method rely on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


class Backbone(nn.Module):
    """A network as stem, stages and head.

    Args:
        stem: images (B, C, S, S) -> features.
        stages: A_1..A_N; each takes the features of the one before.
        head: features of the last stage -> logits (B, K).
        widths: channels of each stage's output.
    """

    def __init__(self, stem: nn.Module, stages: Sequence[nn.Module], head: nn.Module, widths: Sequence[int]) -> None:
        super().__init__()
        if len(stages) != len(widths):
            raise ValueError(f"{len(stages)} stages but {len(widths)} widths")
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.head = head
        self.widths = tuple(widths)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        logits_BK: Tensor = self.head(self.features(images_BCHW))
        return logits_BK

    def to_stage(self, images_BCHW: Tensor, count: int) -> Tensor:
        """The features after the stem and the first ``count`` stages."""
        return self.between(self.stem(images_BCHW), 0, count)

    def between(self, x: Tensor, after: int, count: int) -> Tensor:
        """From the features after the first ``after`` stages to those after the first ``count``."""
        for stage in list(self.stages)[after:count]:
            x = stage(x)
        return x

    def behind(self, count: int) -> Backbone:
        """What comes after the stem and the first ``count`` stages, and reads their features; with 0 the whole network.

        Its modules are this network's own: training it trains this one.
        """
        if not count:
            return self
        return Backbone(nn.Identity(), list(self.stages)[count:], self.head, self.widths[count:])

    def features(self, images_BCHW: Tensor) -> Tensor:
        """What the head is given: the features after the last stage."""
        return self.to_stage(images_BCHW, len(self.stages))


def pooled_linear(width: int, num_classes: int, dropout: float = 0.0) -> nn.Sequential:
    """The usual head: global average pooling and one linear layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(width, num_classes))


def laid_out(module: Module, layout: torch.memory_format = torch.channels_last) -> Module:
    """``module`` with its convolutions' weights in this memory format; channels last is what CPUs are fast in."""
    return module.to(memory_format=layout)  # type: ignore[call-overload,no-any-return]  # torch does it, and says not


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
