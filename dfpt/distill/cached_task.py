"""DFPT-KD where the prompt path stays as it is for a while (ours): what both paths say is known before the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dfpt.config import Distillation
from dfpt.distill.dual_forward import PromptPath
from dfpt.distill.losses import student_loss
from dfpt.distill.methods import LabelLoss
from dfpt.distill.path_figures import path_figures
from dfpt.distill.places import as_batch, at_places
from dfpt.models import Backbone


class CachedTask:
    """Trains the student alone, by the student's loss of :class:`dfpt.distill.dual_task.DualTask`.

    Inputs of a batch: the student's images, z_o and z_p (B, K) and, where knowledge is passed at every place too, both
    paths' logits (B, K, H, W) at the places of ``grid``. No network but the student runs in a step, as in a step of KD.

    Args:
        path: phi, where it changes between epochs: kept in checkpoints and with the best epoch, moved by nothing here.
        grid: places of the student's last feature map that both paths are asked about too.
    """

    def __init__(
        self,
        name: str,
        student: Backbone,
        path: PromptPath | None,
        distillation: Distillation,
        label_loss: LabelLoss,
        grid: tuple[int, int],
    ) -> None:
        self.name = name
        self.student = student
        self.distillation = distillation
        self.label_loss = label_loss
        self.grid = grid
        self.judged = student
        self.trained = nn.ModuleDict({"student": student} | ({"path": path} if path is not None else {}))

    def groups(self, lr: float) -> list[dict[str, Any]]:
        return [{"params": list(self.student.parameters()), "lr": lr}]

    def losses(self, labels_B: Tensor, *inputs: Tensor, progress: float) -> Mapping[str, Tensor]:
        images, z_o, z_p, *places = inputs
        features = self.student.features(images)
        z_s = self.student.head(features)
        loss = student_loss(z_o, z_p, z_s, self.label_loss(z_s, labels_B), labels_B, self.distillation)
        if places:
            o, p = (as_batch(logits) for logits in places)
            s = as_batch(at_places(self.student.head, features, self.grid))
            labels, none = labels_B.repeat_interleave(self.grid[0] * self.grid[1]), torch.zeros(())
            loss = loss + self.distillation.at_places * student_loss(o, p, s, none, labels, self.distillation)
        return {"loss": loss}

    def logits(self, *inputs: Tensor) -> Mapping[str, Tensor]:
        images, z_o, z_p = inputs[:3]
        return {"selected": self.student(images), "original": z_o, "prompt": z_p}

    def figures(self, logits: Mapping[str, Tensor], labels_N: Tensor) -> Mapping[str, float]:
        return path_figures(logits, labels_N)
