"""Plain training: of the teacher on its labels, and of the student alone, the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dfpt.models import Backbone
from dfpt.training.label_loss import LabelLoss


class Classification:
    """A :class:`dfpt.training.loop.Task` that minimises cross-entropy.

    Args:
        model: all of it is trained; of a network with frozen stages what comes behind them, and inputs are features.
        label_loss: cross-entropy with the labels.
        mixup: alpha of the Beta distribution that the shares of a batch's pairs are drawn from (Zhang et al. 2018;
            of features where these are the inputs: Verma et al. 2019); 0 mixes nothing.
    """

    def __init__(
        self,
        name: str,
        model: Backbone,
        label_loss: LabelLoss,
        mixup: float = 0.0,
    ) -> None:
        self.name = name
        self.model = model
        self.trained = model
        self.judged = model
        self.label_loss = label_loss
        self.mixup = mixup

    def groups(self, lr: float) -> list[dict[str, Any]]:
        return [{"params": list(self.trained.parameters()), "lr": lr}]

    def losses(self, labels_B: Tensor, *inputs: Tensor, progress: float) -> Mapping[str, Tensor]:
        x = inputs[0]
        if not self.mixup:
            return {"loss": self.label_loss(self.model(x), labels_B)}
        share = torch.distributions.Beta(self.mixup, self.mixup).sample().item()
        other = torch.randperm(len(x))
        logits = self.model(torch.lerp(x[other], x, share))
        first, second = self.label_loss(logits, labels_B), self.label_loss(logits, labels_B[other])
        return {"loss": share * first + (1 - share) * second}

    def logits(self, *inputs: Tensor) -> Mapping[str, Tensor]:
        return {"selected": self.model(inputs[0])}

    def figures(self, logits: Mapping[str, Tensor], labels_N: Tensor) -> Mapping[str, float]:
        return {}
