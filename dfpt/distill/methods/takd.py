"""Distillation by way of an assistant."""

from __future__ import annotations

from dfpt.distill.methods import kd
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.method_options import Takd as Options

# The loss is KD's, twice: who trains distils the assistant from the teacher, then the student from the assistant.


INFO = MethodInfo(
    "takd",
    "Teacher assistant knowledge distillation",
    Source("Mirzadeh, Farajtabar, Li, Levine, Matsukawa, Ghasemzadeh", 2020, "arXiv 1902.03393"),
    Options,
    frozenset({"logits", "assistant"}),
    kd.build,
)
