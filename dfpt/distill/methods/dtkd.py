"""Distillation with an image's own temperatures for teacher and student."""

from __future__ import annotations

from functools import partial

from dfpt.distill.methods import logits
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.logit_method import LogitMethod
from dfpt.distill.methods.method import Setting
from dfpt.method_options import Dtkd as Options


def build(options: Options, setting: Setting) -> LogitMethod:
    divergence = partial(logits.dtkd, temperature=options.temperature, alpha=options.alpha, beta=options.beta)
    return LogitMethod(setting.label_loss, divergence, options, options.warm_up)


INFO = MethodInfo(
    "dtkd",
    "Dynamic temperature knowledge distillation",
    Source("Wei, Bai", 2024, "arXiv 2404.12711"),
    Options,
    frozenset({"logits"}),
    build,
)
