"""What the prompt path costs in training, beside the teacher that it is built into."""

from __future__ import annotations

import copy

import torch
from torch.utils.flop_counter import FlopCounterMode

from dfpt.distill.dual_forward import DualForwardTeacher
from dfpt.models.backbone import count_parameters


def overhead(paths: DualForwardTeacher, in_channels: int, image_size: int) -> dict[str, float]:
    """Parameters of phi, and multiply-accumulates of one image's forward pass: of the teacher, and of the second path.

    What both paths share is the teacher's. Shares are of the teacher's own. The deployed student carries none of it.
    """
    paths = copy.deepcopy(paths).eval()  # the counter is no affair of the caller's networks
    image = torch.zeros(1, in_channels, image_size, image_size)
    with torch.no_grad():
        shared = paths.shared(image)
        teacher, prompt = FlopCounterMode(display=False), FlopCounterMode(display=False)
        with teacher:
            paths.teacher(image)
        with prompt:
            paths.prompted(shared)
    macs, added = teacher.get_total_flops() / 2, prompt.get_total_flops() / 2
    parameters = paths.path.learnt
    return {
        "prompt_parameters": float(parameters),
        "prompt_parameters_share": parameters / count_parameters(paths.teacher),
        "prompt_macs": added,
        "prompt_macs_share": added / macs,
        "teacher_macs": macs,
    }
