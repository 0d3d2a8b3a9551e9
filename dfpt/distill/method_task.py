"""Any method of the table as a training task: a student learns from labels and from a frozen teacher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dfpt.distill.methods import Method, seen, seen_last
from dfpt.models import Backbone


class MethodTask:
    """Trains the student and what the method has of its own, which vanishes after training.

    Inputs of a batch: the student's images; the teacher's, or with ``from_last`` its last feature map; the images'
    positions in the training split.

    Args:
        teacher: frozen here, in eval mode.
    """

    def __init__(self, name: str, student: Backbone, teacher: Backbone, method: Method, from_last: bool) -> None:
        self.name = name
        self.student = student
        self.teacher = teacher.requires_grad_(False).eval()
        self.method = method
        self.judged = student
        self.from_last = from_last
        self.trained = nn.ModuleDict({"student": student, "method": method})

    def groups(self, lr: float) -> list[dict[str, Any]]:
        return [{"params": list(self.trained.parameters()), "lr": lr}]

    def losses(self, labels_B: Tensor, *inputs: Tensor, progress: float) -> Mapping[str, Tensor]:
        images, given, index_B = inputs
        with torch.no_grad():
            taught = seen_last(self.teacher, given) if self.from_last else seen(self.teacher, given)
        return self.method.losses(seen(self.student, images), taught, labels_B, index_B, progress)

    def logits(self, *inputs: Tensor) -> Mapping[str, Tensor]:
        return {"selected": self.student(inputs[0])}

    def figures(self, logits: Mapping[str, Tensor], labels_N: Tensor) -> Mapping[str, float]:
        return {}
