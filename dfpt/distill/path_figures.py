"""What validation says about the two paths beside the student."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from dfpt.distill.divergence import divergence


def path_figures(logits: Mapping[str, Tensor], labels_N: Tensor) -> dict[str, float]:
    """Accuracy of both paths, and how far each one's knowledge is from the student (KL at temperature 1, nats).

    Args:
        logits: (N, K) of the student, named ``selected``, and of the paths ``original`` and ``prompt``.
    """
    found = {}
    for path in ("original", "prompt"):
        found[f"{path}_accuracy"] = (logits[path].argmax(1) == labels_N).double().mean().item()
        found[f"{path}_gap"] = divergence(logits[path], logits["selected"], 1.0).item()
    return found
