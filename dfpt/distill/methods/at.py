"""Attention transfer: the student learns where the teacher looks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.method import Method, Seen, Setting
from dfpt.distill.methods.stages import on_common_grid, partner
from dfpt.distill.wide import wide
from dfpt.method_options import At as Options


def attention(features_BCHW: Tensor) -> Tensor:
    """The squares averaged over the channels, as a vector of length 1 for each image: (B, H W)."""
    return F.normalize(wide(features_BCHW).square().mean(1).flatten(1))


def attention_loss(target_BCHW: Tensor, found_BCHW: Tensor) -> Tensor:
    """The mean squared difference of two maps' attention, a scalar; a finer map is averaged to the other's grid.

    Source: Zagoruyko and Komodakis 2017, arXiv 1612.03928, equation 2, as the mean that their code takes.
    """
    target, found = on_common_grid(wide(target_BCHW), wide(found_BCHW))
    return (attention(found) - attention(target)).square().mean()


class AttentionTransfer(Method):
    """CE + the attention's loss summed over all trained stages, each with the teacher's of the same relative depth."""

    def __init__(self, options: Options, setting: Setting) -> None:
        super().__init__(setting.label_loss)
        self.weights = options
        student, teacher = setting.student, setting.teacher
        self.pairs = [
            (stage, partner(student.frozen + stage, student.stages, teacher.stages))
            for stage in range(len(student.widths))
        ]

    def _losses(
        self, student: Seen, teacher: Seen, labels_B: Tensor, index_B: Tensor, progress: float
    ) -> dict[str, Tensor]:
        found = torch.stack([attention_loss(teacher.maps[t], student.maps[s]) for s, t in self.pairs]).sum()
        return {
            "label": self.weights.label * self._label(student, labels_B),
            "knowledge": self.weights.knowledge * found,
        }


INFO = MethodInfo(
    "at",
    "Attention transfer",
    Source("Zagoruyko, Komodakis", 2017, "arXiv 1612.03928"),
    Options,
    frozenset({"maps"}),
    AttentionTransfer,
)
