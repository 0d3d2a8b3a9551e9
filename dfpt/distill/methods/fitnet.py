"""Hints: a middle stage of the student learns to foretell the teacher's."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.method import Method, Seen, Setting
from dfpt.distill.methods.stages import on_common_grid, partner
from dfpt.distill.wide import wide
from dfpt.errors import UsageError
from dfpt.method_options import FitNet as Options


def hint_loss(target_BCHW: Tensor, found_BCHW: Tensor) -> Tensor:
    """The mean squared difference of two maps of one shape, a scalar.

    Source: Romero et al. 2015, arXiv 1412.6550, equation 3, as a mean (theirs is half the sum).
    """
    return F.mse_loss(wide(found_BCHW), wide(target_BCHW))


class Hint(Method):
    """CE + the hint's loss, the student's map through a 1x1 convolution to the teacher's channels.

    Maps of different size are averaged to the coarser grid (ours: the paper's regressor is a larger convolution).
    """

    def __init__(self, options: Options, setting: Setting) -> None:
        super().__init__(setting.label_loss)
        self.weights = options
        count, frozen = setting.student.stages, setting.student.frozen
        stage = max(frozen, count // 2) if options.stage is None else options.stage
        if not -count <= stage < count or stage % count < frozen:
            kept = f", of which the first {frozen} are frozen" if frozen else ""
            raise UsageError(
                f"fitnet: stage = {stage}, but the student has {count} stages{kept}.",
                f"Give a number from {frozen} to {count - 1}.",
            )
        self.stage = stage % count - frozen  # among the maps that are seen
        self.teacher_stage = partner(stage % count, count, setting.teacher.stages)
        self.regressor = nn.Conv2d(setting.student.widths[self.stage], setting.teacher.widths[self.teacher_stage], 1)

    def _losses(
        self, student: Seen, teacher: Seen, labels_B: Tensor, index_B: Tensor, progress: float
    ) -> dict[str, Tensor]:
        target, found = on_common_grid(wide(teacher.maps[self.teacher_stage]), wide(student.maps[self.stage]))
        return {
            "label": self.weights.label * self._label(student, labels_B),
            "knowledge": self.weights.knowledge * hint_loss(target, self.regressor(found)),
        }


INFO = MethodInfo(
    "fitnet",
    "FitNets: hints for thin deep nets",
    Source("Romero, Ballas, Kahou, Chassang, Gatta, Bengio", 2015, "arXiv 1412.6550"),
    Options,
    frozenset({"maps", "adapter"}),
    Hint,
)
