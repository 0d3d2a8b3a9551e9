"""One rule of the gate: which figure is held against which threshold, and how both are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dfpt.evaluation import shown
from dfpt.evaluation.reading import Values, number

Read = Callable[[Values, Values | None], float]


@dataclass(frozen=True)
class Rule:
    """How one threshold is judged.

    Attributes:
        name: of the check.
        threshold: the field of :class:`dfpt.config.Thresholds` or :class:`dfpt.config.Device`, with its key if any.
        title: the figure's name in a sentence.
        meaning: what the rule is there for, one sentence for a reader who knows neither the code nor the field.
        read: takes (report, champion) and gives the figure, or raises :class:`dfpt.evaluation.reading.Unusable`.
        at_least: whether the figure must not be lower than the threshold; otherwise it must not be higher.
        unit: how the figure is written, a key of ``SHOW``.
    """

    name: str
    threshold: str
    title: str
    meaning: str
    read: Read
    at_least: bool = True
    unit: str = "share"

    def show(self, value: float) -> str:
        return SHOW[self.unit](value)


SHOW: Mapping[str, Callable[[float], str]] = {
    "share": shown.percent,
    "points": shown.points,
    "loss": shown.loss,
    "count": shown.count,
    "seconds": shown.milliseconds,
    "bytes": shown.kilobytes,
    "probability": shown.probability,
}


def student(figure: str, low: float = 0, high: float = 1) -> Read:
    """Reads a figure of the student's."""
    return lambda report, champion: number(report, "models", "student", figure, low=low, high=high)
