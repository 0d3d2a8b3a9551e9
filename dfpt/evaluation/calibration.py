"""Does a model that says "90 % sure" hit nine times in ten? (Guo et al. 2017, arXiv 1706.04599, section 2)"""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from dfpt.evaluation.metrics import Floats, Integers


class Bin(TypedDict):
    """Images of similar confidence: their mean confidence, their accuracy, how many they are."""

    confidence: float
    accuracy: float
    images: int


def reliability(probabilities: Floats, labels: Integers, bins: int = 10) -> list[Bin]:
    """The non-empty ones of ``bins`` equally wide bins of confidence (the largest probability), lowest first.

    A bin holds (lower, upper]. Ten and not the paper's fifteen: a test split here has hundreds of images, not tens of
    thousands.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    hits = probabilities.argmax(axis=1) == labels
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    members = [index == number for number in range(bins)]
    return [
        Bin(confidence=float(confidence[m].mean()), accuracy=float(hits[m].mean()), images=int(m.sum()))
        for m in members
        if m.any()
    ]


def expected_calibration_error(bins: list[Bin]) -> float:
    """Mean gap between confidence and accuracy, weighted by images: 0 is perfect (paper, equation 5)."""
    images = sum(item["images"] for item in bins)
    return sum(item["images"] * abs(item["accuracy"] - item["confidence"]) for item in bins) / images
