"""Distillation of relations between and within classes."""

from __future__ import annotations

from functools import partial

from dfpt.distill.methods import logits
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.logit_method import LogitMethod
from dfpt.distill.methods.method import Setting
from dfpt.method_options import Dist as Options


def build(options: Options, setting: Setting) -> LogitMethod:
    divergence = partial(logits.dist, temperature=options.temperature, beta=options.beta, gamma=options.gamma)
    return LogitMethod(setting.label_loss, divergence, options)


INFO = MethodInfo(
    "dist",
    "Distillation from a stronger teacher (DIST)",
    Source("Huang, You, Wang, Qian, Xu", 2022, "arXiv 2205.10536"),
    Options,
    frozenset({"logits"}),
    build,
)
