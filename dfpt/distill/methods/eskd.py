"""Distillation from a teacher whose training was stopped early."""

from __future__ import annotations

from dfpt.distill.methods import kd
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.method_options import Eskd as Options

# The loss is KD's: who trains provides a teacher of fewer epochs. The paper also tries to end the distillation itself
# early and go on with labels alone; that is not here.


INFO = MethodInfo(
    "eskd",
    "Knowledge distillation from an early-stopped teacher",
    Source("Cho, Hariharan", 2019, "arXiv 1910.01348"),
    Options,
    frozenset({"logits", "early_teacher"}),
    kd.build,
)
