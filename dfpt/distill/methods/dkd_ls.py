"""Decoupled knowledge distillation of standardised logits."""

from __future__ import annotations

from functools import partial

from dfpt.distill.methods import logits
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.logit_method import LogitMethod
from dfpt.distill.methods.method import Setting
from dfpt.method_options import DkdLs as Options


def build(options: Options, setting: Setting) -> LogitMethod:
    divergence = partial(logits.dkd_ls, temperature=options.temperature, alpha=options.alpha, beta=options.beta)
    return LogitMethod(setting.label_loss, divergence, options, options.warm_up)


INFO = MethodInfo(
    "dkd_ls",
    "Decoupled knowledge distillation with logit standardisation",
    Source("Sun, Ren, Li, Wang, Cao", 2024, "arXiv 2403.01427"),
    Options,
    frozenset({"logits"}),
    build,
    least_classes=logits.LEAST_STANDARDISED,
)
