"""How a network that is being trained is judged: on the validation split, in float32, every image as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dfpt.errors import StepFailed
from dfpt.training.views import Split

if TYPE_CHECKING:
    from dfpt.training.loop import Task

_BATCH = 256


@torch.inference_mode()
def validate(task: Task, val: Split) -> dict[str, float]:
    """Loss, accuracy and the task's own figures on a split.

    Raises:
        StepFailed: a loss that is not finite. The last batch's loss is of the weights before its step: what that step
            spoilt shows here.
    """
    task.trained.eval()
    parts: dict[str, list[Tensor]] = {}
    for index in torch.split(torch.arange(len(val.labels)), _BATCH):
        for name, logits in task.logits(*val.inputs(index, torch.zeros_like(index))).items():
            parts.setdefault(name, []).append(logits.float().cpu())
    logits_NK = {name: torch.cat(found) for name, found in parts.items()}
    selected = logits_NK["selected"]
    loss = nn.functional.cross_entropy(selected, val.labels)
    if not loss.isfinite():
        spoilt_N = ~nn.functional.cross_entropy(selected, val.labels, reduction="none").isfinite()
        raise StepFailed(
            f"{task.name}: after the epoch the loss is not finite on {int(spoilt_N.sum())} of {len(spoilt_N)} "
            f"validation images: {val.named(spoilt_N.nonzero().flatten())}.",
            "Lower the learning rate, or where it is few images look at these.",
        )
    return {
        "val_loss": loss.item(),
        "val_accuracy": (selected.argmax(1) == val.labels).double().mean().item(),
        **{f"val_{name}": value for name, value in task.figures(logits_NK, val.labels).items()},
    }
