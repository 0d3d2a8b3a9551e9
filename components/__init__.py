"""One Kubeflow component per step: a few lines that call :mod:`dfpt.runtime`. Only source goes to the cluster.

``notify`` is no step: it tells how a run on the cluster has ended.
"""

from components.distil import distil
from components.evaluate import evaluate
from components.gate import gate
from components.notify import notify
from components.prepare import prepare
from components.register import register
from components.train_baseline import train_baseline
from components.train_teacher import train_teacher
from components.tune_prompt import tune_prompt
from components.validate import validate

__all__ = [
    "distil",
    "evaluate",
    "gate",
    "notify",
    "prepare",
    "register",
    "train_baseline",
    "train_teacher",
    "tune_prompt",
    "validate",
]
