"""The student alone."""

from __future__ import annotations

from torch import Tensor

from dfpt.distill.methods.info import MethodInfo
from dfpt.distill.methods.method import Method, Seen, Setting
from dfpt.method_options import Plain as Options


class Plain(Method):
    """CE(student, label); the teacher is not looked at."""

    def _losses(
        self, student: Seen, teacher: Seen, labels_B: Tensor, index_B: Tensor, progress: float
    ) -> dict[str, Tensor]:
        return {"label": self._label(student, labels_B)}


def build(options: Options, setting: Setting) -> Plain:
    return Plain(setting.label_loss)


INFO = MethodInfo("plain", "Plain training", None, Options, frozenset(), build)
