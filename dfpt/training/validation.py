"""How a network that is being trained is judged: on the validation split, in float32, every image as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dfpt.training.views import Split

if TYPE_CHECKING:
    from dfpt.training.loop import Task

_BATCH = 256


@torch.inference_mode()
def validate(task: Task, val: Split) -> dict[str, float]:
    """Loss, accuracy and the task's own figures on a split."""
    task.trained.eval()
    parts: dict[str, list[Tensor]] = {}
    for index in torch.split(torch.arange(len(val.labels)), _BATCH):
        for name, logits in task.logits(*val.inputs(index, torch.zeros_like(index))).items():
            parts.setdefault(name, []).append(logits.float().cpu())
    logits_NK = {name: torch.cat(found) for name, found in parts.items()}
    selected = logits_NK["selected"]
    return {
        "val_loss": nn.functional.cross_entropy(selected, val.labels).item(),
        "val_accuracy": (selected.argmax(1) == val.labels).double().mean().item(),
        **{f"val_{name}": value for name, value in task.figures(logits_NK, val.labels).items()},
    }
