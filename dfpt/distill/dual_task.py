"""DFPT-KD as a training task: the student and the prompt path learn from each other in one step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dfpt.config import Distillation, Prompt
from dfpt.distill.dual_forward import DualForwardTeacher
from dfpt.distill.losses import prompt_loss, student_loss
from dfpt.distill.methods import LabelLoss
from dfpt.distill.path_figures import path_figures
from dfpt.distill.places import as_batch, at_places, averaged, common_grid
from dfpt.models import Backbone


class DualTask:
    """Trains the student and, where it adapts, phi.

    Inputs of a batch: the student's images, the features that both paths share, the original path's logits z_o and,
    where knowledge is passed at every place too, its logits at the places of its last feature map; or with
    ``from_pixels`` the student's images and the teacher's, and the rest is computed.

    The losses of both are computed from one forward pass each; since each detaches what belongs to the other, one
    backward pass over their sum serves both.

    Args:
        adapt: whether phi goes on learning; otherwise it stays as it is, BatchNorm included.
        label_loss: both cross-entropies with the labels.
        from_pixels: the teacher runs in every step, so images may be changed at random.
    """

    def __init__(
        self,
        name: str,
        student: Backbone,
        teacher: DualForwardTeacher,
        distillation: Distillation,
        prompt: Prompt,
        adapt: bool,
        label_loss: LabelLoss,
        from_pixels: bool = False,
    ) -> None:
        self.name = name
        self.student = student
        self.teacher = teacher
        self.distillation = distillation
        self.prompt = prompt
        self.adapt = adapt
        self.label_loss = label_loss
        self.from_pixels = from_pixels
        teacher.path.requires_grad_(adapt)
        teacher.eval()
        self.judged = student
        self.trained = nn.ModuleDict({"student": student} | ({"path": teacher.path} if adapt else {}))

    def groups(self, lr: float) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = [{"params": list(self.student.parameters()), "lr": lr}]
        if self.adapt:
            groups.append({"params": list(self.teacher.path.parameters()), "lr": self.prompt.lr})
        return groups

    def losses(self, labels_B: Tensor, *inputs: Tensor, progress: float) -> Mapping[str, Tensor]:
        images, shared, z_o, *places = self._given(inputs)
        map_s = self.student.features(images)
        z_s = self.student.head(map_s)  # before the path: its dropout draws what it would draw without one
        map_p = self.teacher.prompted_features(shared)
        z_p = self.teacher.path.head(map_p)
        losses = {"loss": student_loss(z_o, z_p, z_s, self.label_loss(z_s, labels_B), labels_B, self.distillation)}
        if self.adapt:
            losses["prompt_loss"] = prompt_loss(z_o, z_p, z_s, self.label_loss(z_p, labels_B), labels_B, self.prompt)
        if places:
            self._add_places(losses, places[0], map_p, map_s, labels_B)
        return losses

    def _add_places(
        self, losses: dict[str, Tensor], places_o: Tensor, map_p: Tensor, map_s: Tensor, labels_B: Tensor
    ) -> None:
        """The same losses without cross-entropy, since no place has a label, between the paths' answers at each place.

        Where the divergence takes the label's class apart, each place takes its image's (ours).
        """
        grid = common_grid(map_p, map_s)
        o = as_batch(averaged(places_o, grid))
        p = as_batch(averaged(at_places(self.teacher.path.head, map_p), grid))
        s = as_batch(at_places(self.student.head, map_s, grid))
        weight, none = self.distillation.at_places, torch.zeros(())
        labels = labels_B.repeat_interleave(grid[0] * grid[1])
        losses["loss"] = losses["loss"] + weight * student_loss(o, p, s, none, labels, self.distillation)
        if self.adapt:
            losses["prompt_loss"] = losses["prompt_loss"] + weight * prompt_loss(o, p, s, none, labels, self.prompt)

    def logits(self, *inputs: Tensor) -> Mapping[str, Tensor]:
        images, shared, z_o = self._given(inputs)[:3]
        return {
            "selected": self.student(images),
            "original": z_o,
            "prompt": self.teacher.prompted(shared),
        }

    def figures(self, logits: Mapping[str, Tensor], labels_N: Tensor) -> Mapping[str, float]:
        return path_figures(logits, labels_N)

    @torch.no_grad()
    def _given(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The student's images and what the original path gives, computed here where no cache holds it."""
        if not self.from_pixels:
            return inputs
        images, seen = inputs
        shared = self.teacher.shared(seen)
        features = self.teacher.original_features(shared)
        found = (images, shared, self.teacher.teacher.head(features))
        return (*found, at_places(self.teacher.teacher.head, features)) if self.distillation.at_places else found
