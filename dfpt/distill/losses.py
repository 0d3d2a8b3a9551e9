"""The two losses of DFPT-KD, pure functions of logits (B, K). Their weights are ours (the paper's are not public)."""

from __future__ import annotations

from torch import Tensor

from dfpt.config import Distillation, Divergence, Prompt
from dfpt.distill.divergence import divergence
from dfpt.distill.methods import logits


def between(target_BK: Tensor, logits_BK: Tensor, labels_B: Tensor, config: Divergence) -> Tensor:
    """D(target || logits), a scalar: KL, or what DKD, DIST or KD with standardised logits put in its place.

    DKD's weight of "the label or not" is 1, as published; DIST's two weights are equal, as published.
    """
    tau, beta = config.temperature, config.beta
    match config.divergence:
        case "dkd":
            return logits.dkd(target_BK, logits_BK, labels_B, temperature=tau, alpha=1.0, beta=beta)
        case "dist":
            return logits.dist(target_BK, logits_BK, labels_B, temperature=tau, beta=beta, gamma=beta)
        case "ls":
            return logits.kd_ls(target_BK, logits_BK, labels_B, temperature=tau)
        case "kl":
            return divergence(target_BK, logits_BK, tau)


def prompt_loss(
    original_BK: Tensor, prompted_BK: Tensor, student_BK: Tensor, label: Tensor, labels_B: Tensor, config: Prompt
) -> Tensor:
    """``label`` + a_o D(z_o || z_p) + a_s D(z_s || z_p): supervision from both sides; z_o and z_s are detached.

    D is ``prompt.divergence``, whatever the student's is (ours): both terms say how near the path stays, and nearness
    is measured in KL everywhere else.

    Args:
        label: CE(z_p, y), a scalar.
    """
    return (
        label
        + config.from_original * between(original_BK.detach(), prompted_BK, labels_B, config)
        + config.from_student * between(student_BK.detach(), prompted_BK, labels_B, config)
    )


def student_loss(
    original_BK: Tensor, prompted_BK: Tensor, student_BK: Tensor, label: Tensor, labels_B: Tensor, config: Distillation
) -> Tensor:
    """w ``label`` + b_o D(z_o || z_s) + b_p D(z_p || z_s); z_o and z_p are detached.

    With b_p = 0 this is knowledge distillation by D alone, with b_o = 0 too it is plain training, number for number.
    """
    loss = config.label * label
    if config.from_original:
        loss = loss + config.from_original * between(original_BK.detach(), student_BK, labels_B, config)
    if config.from_prompt:
        loss = loss + config.from_prompt * between(prompted_BK.detach(), student_BK, labels_B, config)
    return loss
