"""Figures out of a report and a champion's comparison: each is a finite number in its range, or there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dfpt import corruption
from dfpt.evaluation import mcnemar

ROUNDING = 1e-9  # figures are ratios of counts, but a difference of two carries a rounding error: 0.9 - 0.89 > 0.01
_MOST_IMAGES = 10_000_000

Values = Mapping[str, Any]


class Unusable(ValueError):
    """A figure that cannot be judged; the message says why."""


def number(values: object, *path: str, low: float = 0, high: float = 1) -> float:
    """The number at ``path`` of nested mappings; :class:`Unusable` unless it is one and lies in [low, high]."""
    name, value = ".".join(path), values
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        raise Unusable(f"The report has no figure {name}.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable(f"The figure {name} is not a number but a {type(value).__name__}.")
    if not low <= value <= high:  # false for NaN as well
        raise Unusable(f"The figure {name} is {value}, which lies outside {low:g} to {high:g}.")
    return float(value)


def whole(values: object, *path: str, low: int = 0) -> int:
    """A number of images."""
    found = number(values, *path, low=low, high=_MOST_IMAGES)
    if found != int(found):
        raise Unusable(f"The figure {'.'.join(path)} is {found}, which is no number of images.")
    return int(found)


def gain_over(report: Values, other: str) -> float:
    """Student minus ``other``, from the accuracies; a comparison that says otherwise spoils the report."""
    own, others = (number(report, "models", model, "accuracy") for model in ("student", other))
    stated = number(report, "comparisons", f"student-{other}", "accuracy", "difference", low=-1)
    if abs(own - others - stated) > ROUNDING:
        raise Unusable(f"The report contradicts itself on the difference between student and {other}.")
    return own - others


def likely_drop(difference: object, against: str, *path: str) -> float:
    """The largest drop that the interval of a difference leaves possible: minus its lower end."""
    low, high = (number(difference, *path, end, low=-1) for end in ("low", "high"))
    if low > high:
        raise Unusable(f"The interval of the comparison with the {against} is upside down.")
    return -low


def p_worse(report: Values, difference: object, *path: str) -> float:
    """The exact p-value of "the student is worse", computed anew from the images that only one of two is right on."""
    only_student, only_other = (whole(difference, *path, "paired", which) for which in ("only_one", "only_other"))
    images = whole(report, "images", "test", low=1)
    stated = number(difference, *path, *(("accuracy",) if path else ()), "difference", low=-1)
    if only_student + only_other > images or abs((only_student - only_other) / images - stated) > ROUNDING:
        raise Unusable("The images counted in a comparison do not give its difference.")
    return mcnemar.p_worse(only_student, only_other)


def champions(champion: Values | None) -> Values:
    """The comparison with the champion, where there is one that can be used."""
    if champion is None or "error" in champion:
        raise Unusable(f"The student cannot be compared with the champion: {(champion or {}).get('error')}.")
    return champion


def under(report: Values, kind: str, strength: str) -> float:
    """The student's accuracy under a corruption; ``worst`` is the lowest of all kinds at this strength."""
    kinds = tuple(corruption.SUITE) if kind == "worst" else (kind,)
    return min(number(report, "robustness", "corrupted", each, strength, "student") for each in kinds)
