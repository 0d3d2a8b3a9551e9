"""The other half of an alternating DFPT-KD (ours): the prompt path adapts to the student as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from dfpt.distill.dual_task import DualTask


class AdaptingTask:
    """Trains phi alone, by the prompt path's loss of ``dual`` and on its inputs; the student answers, and stays.

    Whoever trains it sees to it that the student is in eval mode and takes no gradient.
    """

    def __init__(self, dual: DualTask) -> None:
        self.name = f"{dual.name}, prompt path"
        self.dual = dual
        self.student, self.teacher = dual.student, dual.teacher
        self.judged = self.teacher.path
        self.trained = nn.ModuleDict({"path": self.teacher.path})

    def groups(self, lr: float) -> list[dict[str, Any]]:
        return [{"params": list(self.teacher.path.parameters()), "lr": self.dual.prompt.lr}]

    def losses(self, labels_B: Tensor, *inputs: Tensor, progress: float) -> Mapping[str, Tensor]:
        return {"prompt_loss": self.dual.losses(labels_B, *inputs, progress=progress)["prompt_loss"]}

    def logits(self, *inputs: Tensor) -> Mapping[str, Tensor]:
        return {"selected": self.teacher.prompted(inputs[1])}

    def figures(self, logits: Mapping[str, Tensor], labels_N: Tensor) -> Mapping[str, float]:
        return {}
