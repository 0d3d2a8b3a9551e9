"""Figures of one model on labelled images, from its probabilities.

N images, K classes. Every rate is a fraction. A figure that the task does not have (no positive classes, no slices, no
image behind it) is left out of the result, never put in as a made-up number: the gate fails closed on what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfpt.errors import StepFailed

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]


def figures(
    probabilities: Floats,
    labels: Integers,
    positive: Sequence[int] | None = None,
    slices: Mapping[str, Sequence[object]] | None = None,
) -> dict[str, Any]:
    """Accuracy, macro-F1, confusion; binary figures and slices where the task has them.

    Args:
        probabilities: (N, K).
        labels: (N,), indices into the classes.
        positive: indices of the classes that mean "defective".
        slices: column name -> its N values; an empty value belongs to no slice.

    Returns:
        The figures, under their names in report.json. ``macro_f1`` is the mean over the classes that occur among the
        labels or the predictions (scikit-learn's default). ``confusion[true][predicted]`` counts images.

    Raises:
        StepFailed: no image, shapes that do not fit, or an output that is not finite (argmax of NaN is class 0 and
            would pass for an answer).
    """
    from sklearn.metrics import confusion_matrix, f1_score

    check(probabilities, labels)
    predicted = probabilities.argmax(axis=1)
    result: dict[str, Any] = {
        "accuracy": float(np.mean(predicted == labels)),
        "macro_f1": float(f1_score(labels, predicted, average="macro", zero_division=0)),
        "confusion": confusion_matrix(labels, predicted, labels=range(probabilities.shape[1])).tolist(),
    }
    if positive:
        result |= binary(probabilities, labels, positive)
    if slices:
        result |= by_slice(predicted == labels, slices)
    return result


def binary(probabilities: Floats, labels: Integers, positive: Sequence[int]) -> dict[str, float]:
    """Accuracy and recall of the question "defective or not?".

    An image is called defective when the probabilities of the positive classes add up to more than one half. That is
    the best answer to *this* question; the class with the largest probability is not: 0.3 + 0.3 on two kinds of defect
    against 0.4 on "sound" is a defective image.
    """
    called = positive_mass(probabilities, positive) > 0.5
    truth = np.isin(labels, positive)
    result = {"binary_accuracy": float(np.mean(called == truth))}
    if truth.any():
        result["defect_recall"] = float(np.mean(called[truth]))
    return result


def positive_mass(probabilities: Floats, positive: Sequence[int]) -> Floats:
    """(N,) probability of the positive classes together, in float64 so that 0.5 is not a matter of rounding."""
    mass: Floats = probabilities[:, list(positive)].astype(np.float64).sum(axis=1)
    return mass


def by_slice(hits: NDArray[np.bool_], slices: Mapping[str, Sequence[object]]) -> dict[str, Any]:
    """Accuracy on every slice ``column=value``, and the lowest of them as ``worst_slice``."""
    import pandas as pd

    found: dict[str, dict[str, float | int]] = {}
    for column, values in slices.items():
        for value, group in pd.Series(hits).groupby(pd.Series(list(values)), sort=True):  # leaves empty values out
            found[f"{column}={value}"] = {"accuracy": float(group.mean()), "images": len(group)}
    return {"slices": found, "worst_slice": min(item["accuracy"] for item in found.values())} if found else {}


def check(probabilities: Floats, labels: Integers, model: str = "model") -> None:
    """Raise :class:`StepFailed` unless the probabilities (N, K) are finite and fit the labels (N,), N > 0."""
    if len(labels) == 0 or probabilities.ndim != 2 or len(probabilities) != len(labels):
        raise StepFailed(
            f"Cannot evaluate: probabilities of shape {probabilities.shape} for {len(labels)} labels.",
            "See that the test split has images.",
        )
    if not np.isfinite(probabilities).all():
        raise StepFailed(
            f"Cannot evaluate: the {model}'s outputs are not finite (NaN or infinity).",
            "Its training diverged: lower the learning rate and train again.",
        )
