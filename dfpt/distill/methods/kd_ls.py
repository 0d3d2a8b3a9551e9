"""Knowledge distillation of standardised logits."""

from __future__ import annotations

from functools import partial

from dfpt.distill.methods import logits
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.logit_method import LogitMethod
from dfpt.distill.methods.method import Setting
from dfpt.method_options import KdLs as Options


def build(options: Options, setting: Setting) -> LogitMethod:
    return LogitMethod(setting.label_loss, partial(logits.kd_ls, temperature=options.temperature), options)


INFO = MethodInfo(
    "kd_ls",
    "Knowledge distillation with logit standardisation",
    Source("Sun, Ren, Li, Wang, Cao", 2024, "arXiv 2403.01427"),
    Options,
    frozenset({"logits"}),
    build,
    least_classes=logits.LEAST_STANDARDISED,
)
