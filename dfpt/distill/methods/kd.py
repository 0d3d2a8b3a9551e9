"""Knowledge distillation."""

from __future__ import annotations

from functools import partial

from dfpt.distill.methods import logits
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.logit_method import LogitMethod
from dfpt.distill.methods.method import Setting
from dfpt.method_options import Kd as Options


def build(options: Options, setting: Setting) -> LogitMethod:
    return LogitMethod(setting.label_loss, partial(logits.kd, temperature=options.temperature), options)


INFO = MethodInfo(
    "kd",
    "Knowledge distillation",
    Source("Hinton, Vinyals, Dean", 2015, "arXiv 1503.02531"),
    Options,
    frozenset({"logits"}),
    build,
)
