"""Knowledge distillation."""

from __future__ import annotations

from functools import partial

from dfpt.distill.methods import logits
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.logit_method import LogitMethod
from dfpt.distill.methods.method import Setting
from dfpt.distill.methods.options import Temperature, Weights
from dfpt.settings import Weight


class Options(Weights):
    """Defaults: those of the CRD benchmark, which the tables of later papers share."""

    label: Weight = 0.1
    knowledge: Weight = 0.9
    temperature: Temperature = 4.0


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
