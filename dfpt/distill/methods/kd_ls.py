"""Knowledge distillation of standardised logits."""

from __future__ import annotations

from functools import partial

from dfpt.distill.methods import logits
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.logit_method import LogitMethod
from dfpt.distill.methods.method import Setting
from dfpt.distill.methods.options import Temperature, Weights
from dfpt.settings import Weight


class Options(Weights):
    label: Weight = 0.1
    knowledge: Weight = 9.0
    temperature: Temperature = 2.0  # the "base temperature", in standard deviations of the logits


def build(options: Options, setting: Setting) -> LogitMethod:
    return LogitMethod(setting.label_loss, partial(logits.kd_ls, temperature=options.temperature), options)


INFO = MethodInfo(
    "kd_ls",
    "Knowledge distillation with logit standardisation",
    Source("Sun, Ren, Li, Wang, Cao", 2024, "arXiv 2403.01427"),
    Options,
    frozenset({"logits"}),
    build,
)
