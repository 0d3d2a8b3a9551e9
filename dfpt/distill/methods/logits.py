"""Divergences between the logits of a teacher and of a student, pure functions of one signature:

    (target_BK, logits_BK, labels_B, **hyper) -> scalar

Each can serve as a method's loss or as the divergence of DFPT-KD. Nothing is detached here: that is the caller's.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dfpt.distill.divergence import divergence
from dfpt.distill.wide import wide

LEAST_STANDARDISED = 3  # classes: of two standardised logits nothing is left but which is larger
_SMALL = 1e-7


def kd(target_BK: Tensor, logits_BK: Tensor, labels_B: Tensor, *, temperature: float) -> Tensor:
    """tau^2 KL(softmax(target / tau) || softmax(logits / tau)).

    Source: Hinton et al. 2015, arXiv 1503.02531.
    """
    return divergence(target_BK, logits_BK, temperature)


def kd_ls(target_BK: Tensor, logits_BK: Tensor, labels_B: Tensor, *, temperature: float) -> Tensor:
    """:func:`kd` of standardised logits: only their order and proportions are taught, not their scale.

    Source: Sun et al. 2024, arXiv 2403.01427, algorithm 1.
    """
    return divergence(standardised(target_BK), standardised(logits_BK), temperature)


def dkd(
    target_BK: Tensor, logits_BK: Tensor, labels_B: Tensor, *, temperature: float, alpha: float, beta: float
) -> Tensor:
    """tau^2 (alpha KL on "the label or not" + beta KL among the other classes).

    KD is the same with alpha = 1 and beta = 1 - (the teacher's probability of the label), image by image.

    Source: Zhao et al. 2022, arXiv 2203.08679, equation 7.
    """
    label_B, others_B = decoupled(wide(target_BK) / temperature, wide(logits_BK) / temperature, labels_B)
    return (alpha * label_B + beta * others_B).mean() * temperature**2


def dkd_ls(
    target_BK: Tensor, logits_BK: Tensor, labels_B: Tensor, *, temperature: float, alpha: float, beta: float
) -> Tensor:
    """:func:`dkd` of standardised logits.

    Source: Sun et al. 2024, arXiv 2403.01427.
    """
    target_BK, logits_BK = standardised(target_BK), standardised(logits_BK)
    return dkd(target_BK, logits_BK, labels_B, temperature=temperature, alpha=alpha, beta=beta)


def dist(
    target_BK: Tensor, logits_BK: Tensor, labels_B: Tensor, *, temperature: float, beta: float, gamma: float
) -> Tensor:
    """tau^2 (beta (1 - correlation over an image's classes) + gamma (1 - correlation over a class's images)).

    Both are Pearson's, of the softened probabilities, averaged over images and over classes.

    Source: Huang et al. 2022, arXiv 2205.10536; tau^2 is in their code only.
    """
    target = (wide(target_BK) / temperature).softmax(1)
    found = (wide(logits_BK) / temperature).softmax(1)
    inter = 1 - correlation(target, found).mean()
    intra = 1 - correlation(target.T, found.T).mean()
    return (beta * inter + gamma * intra) * temperature**2


def dtkd(
    target_BK: Tensor, logits_BK: Tensor, labels_B: Tensor, *, temperature: float, alpha: float, beta: float
) -> Tensor:
    """alpha tau_t tau_s KL(softmax(target / tau_t) || softmax(logits / tau_s)) + beta :func:`kd`.

    The temperatures are an image's own: the one whose logits are sharper gets the higher one, see
    :func:`shared_temperatures`.

    Source: Wei and Bai 2024, arXiv 2404.12711. Their repository withdraws the derivation of the
    temperatures and stands by the results.
    """
    of_target_B1, of_logits_B1 = shared_temperatures(target_BK, logits_BK, temperature)
    kl_B = _kl(wide(target_BK) / of_target_B1, wide(logits_BK) / of_logits_B1)
    dynamic = (kl_B * (of_target_B1 * of_logits_B1).squeeze(1)).mean()
    fixed = _kl(wide(target_BK) / temperature, wide(logits_BK) / temperature).mean() * temperature**2
    return alpha * dynamic + beta * fixed


def standardised(logits_BK: Tensor) -> Tensor:
    """Each image's logits with mean 0 and (unbiased) standard deviation 1.

    For two classes that leaves nothing but which one is larger, and no gradient.
    """
    logits_BK = wide(logits_BK)
    return (logits_BK - logits_BK.mean(1, keepdim=True)) / (logits_BK.std(1, keepdim=True) + _SMALL)


def decoupled(target_BK: Tensor, logits_BK: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
    """KL(softmax(target) || softmax(logits)) in its two parts, each (B,).

    The first is over two events, the label or another class; the second over the other classes alone. The whole is
    first + (1 - the target's probability of the label) second.
    """
    is_label_BK = F.one_hot(labels_B, logits_BK.shape[1]).bool()
    rest = (len(logits_BK), -1)

    def parts(z_BK: Tensor) -> tuple[Tensor, Tensor]:
        others = z_BK[~is_label_BK].view(rest)
        return torch.stack((z_BK[is_label_BK], others.logsumexp(1)), 1), others

    (target_B2, target_rest), (logits_B2, logits_rest) = parts(target_BK), parts(logits_BK)
    return _kl(target_B2, logits_B2), _kl(target_rest, logits_rest)


def correlation(first_RC: Tensor, second_RC: Tensor) -> Tensor:
    """Pearson's correlation of each row, (R,); 0 where a row is constant."""
    first, second = (x - x.mean(1, keepdim=True) for x in (first_RC, second_RC))
    lengths: Tensor = first.norm(dim=1) * second.norm(dim=1)
    return (first * second).sum(1) / lengths.clamp(min=1e-8)


def shared_temperatures(target_BK: Tensor, logits_BK: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """2 tau u / (u + v) for the target and 2 tau v / (u + v) for the logits, (B, 1) each, u and v the largest of each.

    They add up to 2 tau. Largest above the mean of the classes (ours): the published form takes the raw maximum, which
    is the same for a classifier whose logits are centred, as cross-entropy leaves them, and fails below 0.
    """
    u, v = (
        (z.max(1, keepdim=True).values - z.mean(1, keepdim=True)).clamp(min=_SMALL)
        for z in (wide(target_BK), wide(logits_BK))
    )
    return 2 * temperature * u / (u + v), 2 * temperature * v / (u + v)


def _kl(target_BK: Tensor, logits_BK: Tensor) -> Tensor:
    """KL(softmax(target) || softmax(logits)) of each image, (B,), in the type that comes in."""
    target, logits = target_BK.log_softmax(1), logits_BK.log_softmax(1)
    return F.kl_div(logits, target, reduction="none", log_target=True).sum(1)
