"""The two losses of DFPT-KD, pure functions of logits (B, K). Their weights are ours (the paper's are not public)."""

from __future__ import annotations

from torch import Tensor

from dfpt.config import Distillation, Prompt
from dfpt.distill.divergence import divergence


def prompt_loss(original_BK: Tensor, prompted_BK: Tensor, student_BK: Tensor, label: Tensor, config: Prompt) -> Tensor:
    """``label`` + a_o KL(z_o || z_p) + a_s KL(z_s || z_p): supervision from both sides; z_o and z_s are detached.

    Args:
        label: CE(z_p, y), a scalar.
    """
    return (
        label
        + config.from_original * divergence(original_BK.detach(), prompted_BK, config.temperature)
        + config.from_student * divergence(student_BK.detach(), prompted_BK, config.temperature)
    )


def student_loss(
    original_BK: Tensor, prompted_BK: Tensor, student_BK: Tensor, label: Tensor, config: Distillation
) -> Tensor:
    """w ``label`` + b_o KL(z_o || z_s) + b_p KL(z_p || z_s); z_o and z_p are detached.

    With b_p = 0 this is plain knowledge distillation, with b_o = 0 too it is plain training, number for number.
    """
    loss = config.label * label
    if config.from_original:
        loss = loss + config.from_original * divergence(original_BK.detach(), student_BK, config.temperature)
    if config.from_prompt:
        loss = loss + config.from_prompt * divergence(prompted_BK.detach(), student_BK, config.temperature)
    return loss
