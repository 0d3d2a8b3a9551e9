"""May this student go to the registry? A pure function of the report, the policy and the champion's comparison.

It fails closed. A threshold that is asked for is met only by a figure that is there, is a finite number and lies in its
range; everything else is a "no" with its reason, and so is a gate that asks for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dfpt.config import Device, Thresholds
from dfpt.evaluation import rules
from dfpt.evaluation.reading import ROUNDING, Unusable
from dfpt.evaluation.rule import Rule

_NO_CHAMPION = "There is no champion yet, so there is nothing to fall behind."
_WHOLE = "Nothing may be decided on evidence that is damaged, incomplete or about another student."
_ASKED = "Somebody has to say what is good enough."


@dataclass(frozen=True)
class Check:
    """One question of the gate.

    Attributes:
        name: of the check; of a check that no threshold stands behind: ``report`` or ``thresholds``.
        asked: the threshold, as configured; None where there is no number to ask for.
        found: the figure, None where there is none to judge.
        reason: one sentence for a reader who knows neither the code nor the field.
        policy: the line of ``params.yaml`` that asks for it, without its section; empty where none does.
        meaning: what the question is there for, one sentence.
        unit: of ``asked`` and ``found``, a key of :data:`dfpt.evaluation.rule.SHOW`; None where there are none.
        at_least: whether ``found`` must not be lower than ``asked``; otherwise not higher.
    """

    name: str
    asked: float | None
    found: float | None
    passed: bool
    reason: str
    policy: str = ""
    meaning: str = ""
    unit: str | None = None
    at_least: bool = True


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


def decide(
    report: Mapping[str, Any],
    thresholds: Thresholds,
    champion: Mapping[str, Any] | None,
    device: Device | None = None,
) -> Decision:
    """Judge the student of a report.

    Args:
        report: report.json as read; a key ``error`` says why it must not be trusted.
        thresholds: what is asked; None means not asked.
        champion: the champion's ``version``, the paired interval ``difference``, ``low``, ``high`` of student minus
            champion accuracy, and ``paired``, the images that only one is right on; a key ``error`` says why the two
            could not be compared. None where there is no champion.
        device: the budgets of the device that the student is for.
    """
    weights = report.get("weights_sha256")
    checks = [_report_is_usable(report)]
    asked = [_judge(rule, limit, report, champion) for rule, limit in rules.asked(thresholds, device)]
    checks += asked
    if all(check.passed and check.found is None for check in asked):
        what = "No threshold but against the champion, which there is none of," if asked else "No threshold"
        reason = f"{what} is asked for: a gate that asks nothing keeps nothing out. Set one under gate:."
        checks.append(Check("thresholds", None, None, False, reason, meaning=_ASKED))
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
        reason = "The evaluation report is whole and names the weights it is about."
        return Check("report", None, None, True, reason, meaning=_WHOLE)
    return Check("report", None, None, False, reason, meaning=_WHOLE)


def _judge(rule: Rule, limit: float, report: Mapping[str, Any], champion: Mapping[str, Any] | None) -> Check:
    def check(found: float | None, passed: bool, reason: str) -> Check:
        policy = f"{rule.threshold}: {limit:g}"
        return Check(rule.name, limit, found, passed, reason, policy, rule.meaning, rule.unit, rule.at_least)

    if rule.name in rules.CHAMPIONS and champion is None:
        return check(None, True, _NO_CHAMPION)
    try:
        found = rule.read(report, champion)
    except Unusable as error:
        return check(None, False, str(error))
    passed = found >= limit - ROUNDING if rule.at_least else found <= limit + ROUNDING
    asked = f"at {'least' if rule.at_least else 'most'} {rule.show(limit)} is asked"
    return check(found, passed, f"The {rule.title} is {rule.show(found)}; {asked}.")
