"""A method that is one divergence between logits."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from dfpt.distill.methods.method import LabelLoss, Method, Seen
from dfpt.distill.methods.schedule import linear_rise
from dfpt.method_options import Weights


class LogitMethod(Method):
    """label * CE + knowledge * warm-up * divergence(teacher's logits, student's logits, labels).

    Args:
        warm_up: share of the training in which the divergence's weight rises linearly.
    """

    def __init__(
        self,
        label_loss: LabelLoss,
        divergence: Callable[[Tensor, Tensor, Tensor], Tensor],
        weights: Weights,
        warm_up: float = 0.0,
    ) -> None:
        super().__init__(label_loss)
        self.divergence = divergence
        self.weights = weights
        self.warm_up = warm_up

    def _losses(
        self, student: Seen, teacher: Seen, labels_B: Tensor, index_B: Tensor, progress: float
    ) -> dict[str, Tensor]:
        weight = self.weights.knowledge * linear_rise(progress, self.warm_up)
        return {
            "label": self.weights.label * self._label(student, labels_B),
            "knowledge": weight * self.divergence(teacher.logits, student.logits, labels_B),
        }
