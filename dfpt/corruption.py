"""The test-time suite of corruptions: six kinds at five strengths (ours).

1 is what a well-kept line still shows, 3 what a person sees at once, 5 a fault of the camera.
:mod:`dfpt.datasets.corruptions` makes them, :mod:`dfpt.evaluation.robustness` measures under them; the report and the
gate know them by these names.
"""

from __future__ import annotations

from collections.abc import Mapping

# kind -> its values at strengths 1 to 5
SUITE: Mapping[str, tuple[float, float, float, float, float]] = {
    "noise": (0.02, 0.04, 0.06, 0.1, 0.15),  # sigma, as a fraction of the grey range
    "blur": (0.5, 1.0, 1.5, 2.0, 3.0),  # sigma, pixels of an image of 64 a side
    "brightness": (1.08, 1.15, 1.25, 1.4, 1.6),  # times every grey value
    "darkness": (0.92, 0.85, 0.75, 0.6, 0.4),  # the same, below 1
    "rotation": (2.5, 5.0, 10.0, 15.0, 20.0),  # degrees
    "contrast": (0.8, 0.65, 0.5, 0.35, 0.2),  # times the distance from the image's mean
}
STRENGTHS = (1, 2, 3, 4, 5)

Corrupted = Mapping[str, Mapping[str, Mapping[str, float]]]  # kind -> strength as text -> model -> accuracy


def mean(corrupted: Corrupted, model: str) -> float:
    """A model's mean accuracy over all kinds and strengths."""
    rates = [found[model] for strengths in corrupted.values() for found in strengths.values()]
    return sum(rates) / len(rates)
