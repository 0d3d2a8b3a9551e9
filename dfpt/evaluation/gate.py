"""May this student go to the registry? A pure function of the report, the thresholds and the champion's comparison.

It fails closed. A threshold that is asked for is met only by a figure that is there, is a finite number and lies in its
range; everything else is a "no" with its reason, and so is a gate that asks for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dfpt.config import Thresholds

# Figures are ratios of counts, but a difference of two of them carries a rounding error: 0.9 - 0.89 > 0.01.
_ROUNDING = 1e-9
_NO_CHAMPION = "There is no champion yet, so there is nothing to fall behind."


class Unusable(ValueError):
    """A figure that cannot be judged; the message says why."""


@dataclass(frozen=True)
class Check:
    """One question of the gate.

    Attributes:
        name: of the check; of a check that no threshold stands behind: ``report`` or ``thresholds``.
        asked: the threshold, as configured; None where there is no number to ask for.
        found: the figure, None where there is none to judge.
        reason: one sentence for a reader who knows neither the code nor the field.
    """

    name: str
    asked: float | None
    found: float | None
    passed: bool
    reason: str


@dataclass(frozen=True)
class Decision:
    """The gate's answer, bound by their hash to the weights that it is about."""

    checks: tuple[Check, ...]
    champion: dict[str, Any] | None
    weights_sha256: str | None

    @property
    def outcome(self) -> Literal["pass", "fail"]:
        return "pass" if self.checks and all(check.passed for check in self.checks) else "fail"

    @property
    def reasons(self) -> list[str]:
        """Why not, one sentence each."""
        return [check.reason for check in self.checks if not check.passed]

    def to_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "weights_sha256": self.weights_sha256,
            "checks": [asdict(check) for check in self.checks],
            "champion": self.champion,
        }


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def points(value: float) -> str:
    return f"{100 * value:.1f} points"


def loss(value: float) -> str:
    return points(value) if value >= 0 else f"none (it gains {points(-value)})"


def count(value: float) -> str:
    return f"{value:,.0f}"


def milliseconds(value: float) -> str:
    return f"{1000 * value:.2f} ms"


@dataclass(frozen=True)
class Rule:
    """How one threshold is judged.

    Attributes:
        name: of the check.
        threshold: the field of :class:`dfpt.config.Thresholds`.
        title: the figure's name in a sentence.
        read: takes (report, champion) and gives the figure, or raises :class:`Unusable`.
        at_least: whether the figure must not be lower than the threshold; otherwise it must not be higher.
        show: writes the figure for a reader.
    """

    name: str
    threshold: str
    title: str
    read: Callable[[Mapping[str, Any], Mapping[str, Any] | None], float]
    at_least: bool = True
    show: Callable[[float], str] = percent


def decide(report: Mapping[str, Any], thresholds: Thresholds, champion: Mapping[str, Any] | None) -> Decision:
    """Judge the student of a report.

    Args:
        report: report.json as read; a key ``error`` says why it must not be trusted.
        thresholds: what is asked; None means not asked.
        champion: the champion's ``version`` and the paired interval ``low``, ``high`` of student minus champion
            accuracy; a key ``error`` says why the two could not be compared. None where there is no champion.
    """
    weights = report.get("weights_sha256")
    checks = [_report_is_usable(report)]
    asked = {rule: getattr(thresholds, rule.threshold) for rule in RULES}
    checks += [_judge(rule, limit, report, champion) for rule, limit in asked.items() if limit is not None]
    if len(checks) == 1:
        reason = "No threshold is asked for: a gate that asks nothing keeps nothing out. Set one under gate:."
        checks.append(Check("thresholds", None, None, False, reason))
    return Decision(
        tuple(checks),
        dict(champion) if champion is not None else None,
        weights if isinstance(weights, str) else None,
    )


def _report_is_usable(report: Mapping[str, Any]) -> Check:
    weights = report.get("weights_sha256")
    if "error" in report:
        reason = f"The evaluation report cannot be trusted: {report['error']}."
    elif not isinstance(weights, str) or not re.fullmatch(r"[0-9a-f]{64}", weights):
        reason = "The evaluation report does not say which weights it is about (weights_sha256)."
    else:
        return Check("report", None, None, True, "The evaluation report is whole and names the weights it is about.")
    return Check("report", None, None, False, reason)


def _judge(rule: Rule, limit: float, report: Mapping[str, Any], champion: Mapping[str, Any] | None) -> Check:
    if rule.name == NON_INFERIOR and champion is None:
        return Check(rule.name, limit, None, True, _NO_CHAMPION)
    try:
        found = rule.read(report, champion)
    except Unusable as error:
        return Check(rule.name, limit, None, False, str(error))
    passed = found >= limit - _ROUNDING if rule.at_least else found <= limit + _ROUNDING
    asked = f"at {'least' if rule.at_least else 'most'} {rule.show(limit)} is asked"
    return Check(rule.name, limit, found, passed, f"The {rule.title} is {rule.show(found)}; {asked}.")


def _number(values: object, path: str, low: float, high: float) -> float:
    """The number at ``a.b.c`` of nested mappings; :class:`Unusable` unless it is one and lies in [low, high]."""
    value = values
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        raise Unusable(f"The report has no figure {path}.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable(f"The figure {path} is not a number but a {type(value).__name__}.")
    if not low <= value <= high:  # false for NaN as well
        raise Unusable(f"The figure {path} is {value}, which lies outside {low:g} to {high:g}.")
    return float(value)


def _student(figure: str, low: float = 0, high: float = 1) -> Callable[..., float]:
    return lambda report, champion: _number(report, f"models.student.{figure}", low, high)


def _gain_over(other: str) -> Callable[..., float]:
    def read(report: Mapping[str, Any], champion: object) -> float:
        """Student minus ``other``, from the accuracies; a comparison that says otherwise spoils the report."""
        gain = _student("accuracy")(report, champion) - _number(report, f"models.{other}.accuracy", 0, 1)
        stated = _number(report, f"comparisons.student-{other}.accuracy.difference", -1, 1)
        if abs(gain - stated) > _ROUNDING:
            raise Unusable(f"The report contradicts itself on the difference between student and {other}.")
        return gain

    return read


def _drop_against_champion(report: Mapping[str, Any], champion: Mapping[str, Any] | None) -> float:
    """The largest drop that the interval of the difference leaves possible: minus its lower end."""
    if champion is None or "error" in champion:
        raise Unusable(f"The student cannot be compared with the champion: {(champion or {}).get('error')}.")
    low, high = (_number(champion, end, -1, 1) for end in ("low", "high"))
    if low > high:
        raise Unusable("The interval of the comparison with the champion is upside down.")
    return -low


NON_INFERIOR = "non_inferior_to_champion"
RULES: tuple[Rule, ...] = (
    Rule("accuracy", "min_accuracy", "accuracy", _student("accuracy")),
    Rule("macro_f1", "min_macro_f1", "macro-F1", _student("macro_f1")),
    Rule("binary_accuracy", "min_binary_accuracy", "accuracy on defective or sound", _student("binary_accuracy")),
    Rule("defect_recall", "min_defect_recall", "share of defective images found", _student("defect_recall")),
    Rule("worst_slice", "min_worst_slice", "accuracy on the worst slice", _student("worst_slice")),
    Rule(
        "drop_against_teacher",
        "max_drop_against_teacher",
        "accuracy lost against the teacher",
        lambda report, champion: -_gain_over("teacher")(report, champion),
        at_least=False,
        show=loss,
    ),
    Rule(
        "gain_over_baseline",
        "min_gain_over_baseline",
        "accuracy gained over the same network trained alone",
        _gain_over("baseline"),
        show=points,
    ),
    Rule(
        NON_INFERIOR,
        "max_drop_against_champion",
        "largest likely loss of accuracy against the champion",
        _drop_against_champion,
        at_least=False,
        show=loss,
    ),
    Rule(
        "parameters",
        "max_parameters",
        "number of parameters",
        _student("parameters", 1, 1e15),
        at_least=False,
        show=count,
    ),
    Rule(
        "latency",
        "max_latency_seconds",
        "time for one image on one CPU core",
        _student("latency_seconds", 1e-9, 3600),
        at_least=False,
        show=milliseconds,
    ),
)
