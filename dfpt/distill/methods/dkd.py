"""Decoupled knowledge distillation."""

from __future__ import annotations

from functools import partial

from dfpt.distill.methods import logits
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.logit_method import LogitMethod
from dfpt.distill.methods.method import Setting
from dfpt.method_options import Dkd as Options


def build(options: Options, setting: Setting) -> LogitMethod:
    divergence = partial(logits.dkd, temperature=options.temperature, alpha=options.alpha, beta=options.beta)
    return LogitMethod(setting.label_loss, divergence, options, options.warm_up)


INFO = MethodInfo(
    "dkd",
    "Decoupled knowledge distillation",
    Source("Zhao, Cui, Song, Qiu, Liang", 2022, "arXiv 2203.08679"),
    Options,
    frozenset({"logits"}),
    build,
)
