"""The methods by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from dfpt import method_options
from dfpt.distill.methods import (
    at,
    crd,
    ctkd,
    dist,
    dkd,
    dkd_ls,
    dtkd,
    eskd,
    fitnet,
    kd,
    kd_ls,
    pesf_kd,
    plain,
    takd,
)
from dfpt.distill.methods.info import MethodInfo
from dfpt.distill.methods.method import LabelLoss, Method, NetworkShape, Setting
from dfpt.errors import UsageError
from dfpt.settings import nearest

_ROOMS = (plain, kd, kd_ls, dkd, dkd_ls, dist, ctkd, dtkd, takd, eskd, pesf_kd, fitnet, at, crd)
METHODS: Mapping[str, MethodInfo] = {room.INFO.name: room.INFO for room in _ROOMS}


def names() -> list[str]:
    """The names that :func:`create` takes, the simplest method first."""
    return list(METHODS)


def create(
    name: str,
    student: NetworkShape,
    teacher: NetworkShape,
    label_loss: LabelLoss,
    labels_N: Tensor,
    options: Mapping[str, Any] | None = None,
) -> Method:
    """A method for this pair of networks.

    Args:
        label_loss: (logits_BK, labels_B) -> scalar; class weights and label smoothing are in it.
        labels_N: of the training split.
        options: hyper-parameters that differ from the method's defaults.

    Raises:
        UsageError: an unknown name, options that are not the method's, or networks that do not fit each other.
    """
    if name not in METHODS:
        raise UsageError(f"Unknown method {name!r}.", nearest(name, names()))
    if student.num_classes != teacher.num_classes:
        raise UsageError(
            f"The student has {student.num_classes} classes, the teacher {teacher.num_classes}.",
            "Train both on the same classes.",
        )
    if student.num_classes < METHODS[name].least_classes:
        raise UsageError(
            f"{name} teaches nothing with {student.num_classes} classes: standardised, two logits only say which is "
            "larger.",
            f"Take the method without standardisation: {name.removesuffix('_ls')}.",
        )
    checked = method_options.checked(name, options or {})
    return METHODS[name].build(checked, Setting(student, teacher, label_loss, labels_N))
