"""Decoupled knowledge distillation of standardised logits."""

from __future__ import annotations

from functools import partial

from dfpt.distill.methods import dkd, logits
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.logit_method import LogitMethod
from dfpt.distill.methods.method import Setting
from dfpt.distill.methods.options import Temperature
from dfpt.settings import Weight


class Options(dkd.Options):
    knowledge: Weight = 9.0
    temperature: Temperature = 2.0


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
)
