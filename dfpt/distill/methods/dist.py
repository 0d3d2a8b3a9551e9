"""Distillation of relations between and within classes."""

from __future__ import annotations

from functools import partial

from dfpt.distill.methods import logits
from dfpt.distill.methods.info import MethodInfo, Source
from dfpt.distill.methods.logit_method import LogitMethod
from dfpt.distill.methods.method import Setting
from dfpt.distill.methods.options import Temperature, Weights
from dfpt.settings import Weight


class Options(Weights):
    """Defaults: those published for CIFAR-100."""

    temperature: Temperature = 4.0
    beta: Weight = 2.0  # of the relations between the classes of an image
    gamma: Weight = 2.0  # of the relations between the images of a class


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
