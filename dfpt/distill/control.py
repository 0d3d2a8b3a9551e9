"""What the prompt path is held against: maps of the original logits that are the same for every input (ours).

If such a map teaches as well, the path translates the teacher's knowledge but does not adapt it to the input.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Map = Literal["affine", "temperature"]


class Recalibrated(nn.Module):
    """The original head, which stays as it is, and one learned map of its logits; at first the identity.

    ``affine`` is W z + b with a full matrix (K, K); ``temperature`` is z / exp(t) with one number t.

    Args:
        head: a copy of the teacher's; features (B, C, H, W) -> logits (B, K).
    """

    def __init__(self, head: nn.Module, form: Map) -> None:
        super().__init__()
        self.head = head
        self.map = _Affine(_classes(head)) if form == "affine" else _Temperature()

    def train(self, mode: bool = True) -> Recalibrated:
        super().train(mode)
        self.head.eval()
        return self

    def forward(self, features_BCHW: Tensor) -> Tensor:
        logits_BK: Tensor = self.map(self.head(features_BCHW))
        return logits_BK


class _Affine(nn.Linear):
    def __init__(self, classes: int) -> None:
        super().__init__(classes, classes)
        nn.init.eye_(self.weight)
        nn.init.zeros_(self.bias)


class _Temperature(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.log_temperature = nn.Parameter(torch.zeros(()))

    def forward(self, logits_BK: Tensor) -> Tensor:
        return logits_BK * torch.exp(-self.log_temperature)


def _classes(head: nn.Module) -> int:
    return next(layer.out_features for layer in reversed(list(head.modules())) if isinstance(layer, nn.Linear))
