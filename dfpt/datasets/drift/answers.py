"""What a student says of images, as numbers that can be compared without labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = {
    "confidence": "the student's probability of the class that it names",
    "entropy": "how undecided the student is, from 0 to 1",
}
DEFECT = {"defect probability": "the student's probability of all defective classes together"}
COMPONENTS = 8  # of the embedding: as many directions as it takes to see where it has moved

Values = NDArray[np.float64]


def names(positive: Sequence[int] | None) -> dict[str, str]:
    """The columns of :func:`describe` -> what each one is."""
    return CONFIDENCE | DEFECT if positive else CONFIDENCE


def describe(logits_NK: NDArray[np.float32], positive: Sequence[int] | None) -> Values:
    """Confidence, entropy and, where classes count as defective, their probability: (N, 2 or 3)."""
    logits = logits_NK.astype(np.float64)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    probability_NK = powers / powers.sum(1, keepdims=True)
    entropy = -(probability_NK * np.log(probability_NK + 1e-12)).sum(1) / np.log(logits.shape[1])
    columns = [probability_NK.max(1), entropy]
    if positive:
        columns.append(probability_NK[:, list(positive)].sum(1))
    return np.stack(columns, 1)


def components(embedding_NE: NDArray[np.floating]) -> Values:
    """The leading principal components (N, at most COMPONENTS) of all images together, largest first.

    Fitted on both sets at once: fitted on one, the other would look strange by that alone.
    """
    centred = embedding_NE.astype(np.float64) - embedding_NE.mean(0)
    variance, vectors = np.linalg.eigh(centred.T @ centred)
    leading = np.argsort(variance)[::-1][:COMPONENTS]
    leading = leading[variance[leading] > 1e-9 * max(variance.max(), 1e-300)]
    return np.asarray(centred @ vectors[:, leading])
