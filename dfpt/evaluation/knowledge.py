"""What the teacher's two paths say of the test images, beside the student: is the knowledge fit for it?

Ours, after the paper's promises: the prompt path stays as right as the original one, comes nearer to the student, is
less sure of itself, and tells more of the classes that are not the label.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dfpt.evaluation import calibration
from dfpt.evaluation.metrics import Floats, Integers

PATHS = ("original", "prompt")
_SMALL = 1e-12


def figures(paths: Mapping[str, Floats], student: Floats, labels: Integers) -> dict[str, dict[str, float]]:
    """Path -> its figures on N images of K classes.

    Args:
        paths: path -> probabilities (N, K).
        student: probabilities (N, K).
        labels: (N,).

    Returns:
        ``accuracy``; ``gap``, the mean KL(path || student) in nats, at temperature 1; ``confidence``, the mean of the
        largest probability; ``ece``; ``other_classes``, the entropy in nats of the distribution over the classes that
        are not the label, as a mean over the images.
    """
    return {name: _of(probabilities, student, labels) for name, probabilities in paths.items()}


def _of(path: Floats, student: Floats, labels: Integers) -> dict[str, float]:
    p, s = (np.clip(values.astype(np.float64), _SMALL, 1) for values in (path, student))
    others = p.copy()
    others[np.arange(len(labels)), labels] = 0
    others /= others.sum(axis=1, keepdims=True)
    return {
        "accuracy": float(np.mean(path.argmax(axis=1) == labels)),
        "gap": float((p * np.log(p / s)).sum(axis=1).mean()),
        "confidence": float(path.max(axis=1).mean()),
        "ece": calibration.expected_calibration_error(calibration.reliability(path, labels)),
        "other_classes": float(-(others * np.log(np.clip(others, _SMALL, 1))).sum(axis=1).mean()),
    }
