"""Cross-entropy with the labels, the same for every network that is trained: class weights, smoothing, adjustment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dfpt.training import distributed


@dataclass(frozen=True)
class LabelLoss:
    """CE(z + adjustment, y) with class weights, a scalar in float32.

    Attributes:
        weights_K: class weights.
        smoothing: share of the label that is spread over all classes.
        adjustment_K: added to the logits in training alone, so that what is learnt answers without it.
    """

    weights_K: Tensor
    smoothing: float = 0.0
    adjustment_K: Tensor | None = None

    def __call__(self, logits_BK: Tensor, labels: Tensor) -> Tensor:
        """``labels`` (B,) int64, or (B, K) probabilities of an image that is mixed from two.

        With labels it is the weighted mean over the images; several processes share one denominator, so that the mean
        of their losses is the loss of all their images.
        """
        logits_BK, weights_K = logits_BK.float(), self.weights_K.to(logits_BK.device)
        if self.adjustment_K is not None:
            logits_BK = logits_BK + self.adjustment_K.to(logits_BK.device)
        if labels.is_floating_point() or distributed.size() == 1:
            return F.cross_entropy(logits_BK, labels, weights_K, label_smoothing=self.smoothing)
        weight = distributed.total(weights_K[labels].sum())
        total = F.cross_entropy(logits_BK, labels, weights_K, label_smoothing=self.smoothing, reduction="sum")
        return total * distributed.size() / weight


def class_weights(labels_N: Tensor, num_classes: int, balance: float) -> Tensor:
    """Weights (K,): n_k^-balance, scaled so that the mean over the images is 1 (ours)."""
    counts = torch.bincount(labels_N, minlength=num_classes).clamp(min=1).double()
    weights = counts**-balance
    return (weights * counts.sum() / (weights * counts).sum()).float()


def log_prior(labels_N: Tensor, num_classes: int) -> Tensor:
    """The logarithm of each class's share of the labels, (K,); a class without images counts as having one.

    Added to the logits in training it makes the network answer for classes of equal frequency.

    Source: Menon et al. 2021, arXiv 2007.07314, equation 10.
    """
    counts = torch.bincount(labels_N, minlength=num_classes).clamp(min=1).double()
    return (counts / counts.sum()).log().float()
