"""The divergence between two softened distributions, the currency of all knowledge here."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from dfpt.distill.wide import wide


def divergence(target_BK: Tensor, logits_BK: Tensor, temperature: float) -> Tensor:
    """tau^2 KL(softmax(target / tau) || softmax(logits / tau)), the mean over the batch; a scalar, in float32 at least.

    Source: Hinton et al. 2015; tau^2 keeps the gradient's size independent of tau.
    """
    target = (wide(target_BK) / temperature).log_softmax(1)
    logits = (wide(logits_BK) / temperature).log_softmax(1)
    return F.kl_div(logits, target, reduction="batchmean", log_target=True) * temperature**2
