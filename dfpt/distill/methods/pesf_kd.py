"""Distillation from a frozen teacher with an adapter that makes its answers friendlier to the student."""

from __future__ import annotations

from torch import Tensor, nn

from dfpt.distill.methods import logits
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.method import Method, Seen, Setting
from dfpt.distill.wide import wide
from dfpt.method_options import PesfKd as Options


class Adapter(nn.Module):
    """What is added to the teacher's logits, (B, D) -> (B, K): one linear layer, then a bottleneck.

    Its last layer starts as zero (ours), so that the first answers are the teacher's.
    """

    def __init__(self, width: int, hidden: int, num_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, num_classes), nn.Linear(num_classes, hidden), nn.ReLU(), nn.Linear(hidden, num_classes)
        )
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, embedding_BD: Tensor) -> Tensor:
        logits_BK: Tensor = self.layers(embedding_BD)
        return logits_BK


class StudentFriendlyTeacher(Method):
    """KD from adapted logits; the adapter learns from the labels and from its distance to the student.

    One divergence of the answers as they are (ours: the paper's text was not at hand). Its code takes the divergence
    twice, once with the student's and once with the teacher's answers corrected by the label.
    """

    def __init__(self, options: Options, setting: Setting) -> None:
        super().__init__(setting.label_loss)
        self.options = options
        self.adapter = Adapter(setting.teacher.widths[-1], options.hidden, setting.teacher.num_classes)

    def adapted(self, teacher: Seen) -> Tensor:
        """The friendlier answers, (B, K)."""
        added: Tensor = self.adapter(wide(teacher.embedding))
        return wide(teacher.logits) + added

    def _losses(
        self, student: Seen, teacher: Seen, labels_B: Tensor, index_B: Tensor, progress: float
    ) -> dict[str, Tensor]:
        target = self.adapted(teacher)
        found = logits.kd(target, student.logits, labels_B, temperature=self.options.temperature)
        return {
            "label": self.options.label * self._label(student, labels_B),
            "knowledge": self.options.knowledge * found,
            "adapter": self.options.adapter * self.label_loss(target, labels_B),
        }


INFO = MethodInfo(
    "pesf_kd",
    "Parameter-efficient and student-friendly knowledge distillation",
    Source("Rao, Meng, Ding, Qi, Liu, Zhang, Tao", 2022, "arXiv 2205.15308"),
    Options,
    frozenset({"logits", "embedding", "adapter"}),
    StudentFriendlyTeacher,
)
