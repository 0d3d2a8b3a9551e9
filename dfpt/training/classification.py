"""Plain training: of the teacher on its labels, and of the student alone, the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from dfpt.models import Backbone


class Classification:
    """A :class:`dfpt.training.loop.Task` that minimises cross-entropy.

    Args:
        model: its first ``frozen`` stages and the stem are left as they are, and inputs are the features after them;
            with 0 everything is trained and the inputs are images.
        weights_K: class weights.
    """

    def __init__(self, name: str, model: Backbone, frozen: int, weights_K: Tensor, label_smoothing: float) -> None:
        self.name = name
        self.model = model
        self.frozen = frozen
        self.trained = nn.ModuleList([*model.stages[frozen:], model.head]) if frozen else model
        self.weights_K = weights_K
        self.label_smoothing = label_smoothing

    def groups(self, lr: float) -> list[dict[str, Any]]:
        return [{"params": list(self.trained.parameters()), "lr": lr}]

    def losses(self, labels_B: Tensor, *inputs: Tensor) -> Mapping[str, Tensor]:
        logits = self._forward(inputs[0]).float()
        return {"loss": F.cross_entropy(logits, labels_B, self.weights_K, label_smoothing=self.label_smoothing)}

    def logits(self, *inputs: Tensor) -> Mapping[str, Tensor]:
        return {"selected": self._forward(inputs[0])}

    def figures(self, logits: Mapping[str, Tensor], labels_N: Tensor) -> Mapping[str, float]:
        return {}

    def _forward(self, x: Tensor) -> Tensor:
        return self.model.from_stage(x, self.frozen) if self.frozen else self.model(x)
