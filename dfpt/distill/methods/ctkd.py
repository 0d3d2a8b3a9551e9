"""Distillation at a temperature that learns against the student (curriculum temperature)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dfpt.distill.divergence import divergence
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.method import Method, Seen, Setting
from dfpt.distill.methods.schedule import cosine_rise
from dfpt.distill.wide import wide
from dfpt.method_options import Ctkd as Options


class CurriculumTemperature(Method):
    """KD at a learned temperature, the same for all images, whose gradient is reversed: it seeks the larger loss.

    How strongly it does so rises from 0 along a cosine. An optimiser that divides by the gradient's size, as Adam
    does, undoes most of that: published with SGD.
    """

    def __init__(self, options: Options, setting: Setting) -> None:
        super().__init__(setting.label_loss)
        self.options = options
        self.raw = nn.Parameter(torch.ones(()))

    def temperature(self, progress: float) -> Tensor:
        """The present one, a scalar; its gradient is reversed."""
        strength = cosine_rise(progress, self.options.warm_up)
        return self.options.lowest + self.options.span * reversed_gradient(self.raw, strength).sigmoid()

    def _losses(
        self, student: Seen, teacher: Seen, labels_B: Tensor, index_B: Tensor, progress: float
    ) -> dict[str, Tensor]:
        tau = self.temperature(progress)
        found = divergence(wide(teacher.logits) / tau, wide(student.logits) / tau, 1.0) * tau**2
        return {
            "label": self.options.label * self._label(student, labels_B),
            "knowledge": self.options.knowledge * found,
        }


def reversed_gradient(x: Tensor, strength: float) -> Tensor:
    """``x`` itself, of the same shape, whose gradient is -strength times the one that comes back.

    Source: Ganin and Lempitsky 2015, arXiv 1409.7495.
    """
    return x.detach() - strength * (x - x.detach())


INFO = MethodInfo(
    "ctkd",
    "Curriculum temperature knowledge distillation (global temperature)",
    Source("Li, Li, Yang, Zhao, Song, Luo, Li, Yang", 2023, "arXiv 2211.16231"),
    Options,
    frozenset({"logits", "adapter"}),
    CurriculumTemperature,
)
