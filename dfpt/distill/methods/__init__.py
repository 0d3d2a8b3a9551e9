"""The methods to compare with, one room each: from plain training to contrastive representation distillation.

:data:`METHODS` says of each its source, its hyper-parameters and what it needs; :func:`create` makes it.
"""

from dfpt.distill.methods.info import MethodInfo, Need, Source
from dfpt.distill.methods.method import LabelLoss, Method, NetworkShape, Seen, Setting, seen, seen_last
from dfpt.distill.methods.table import METHODS, create, names

__all__ = [
    "METHODS",
    "LabelLoss",
    "Method",
    "MethodInfo",
    "Need",
    "NetworkShape",
    "Seen",
    "Setting",
    "Source",
    "create",
    "names",
    "seen",
    "seen_last",
]
