"""Distillation from a teacher whose training was stopped early."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dfpt.distill.methods import kd
from dfpt.distill.methods.info import MethodInfo, Source

# The loss is KD's: who trains provides a teacher of fewer epochs. The paper also tries to end the distillation itself
# early and go on with labels alone; that is not here.


class Options(kd.Options):
    teacher_epochs: Annotated[float, Field(gt=0, le=1)] = 0.4  # ours: share of the teacher's epochs; theirs is searched


INFO = MethodInfo(
    "eskd",
    "Knowledge distillation from an early-stopped teacher",
    Source("Cho, Hariharan", 2019, "arXiv 1910.01348"),
    Options,
    frozenset({"logits", "early_teacher"}),
    kd.build,
)
