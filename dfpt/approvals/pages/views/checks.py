"""The gate's decision, line by line, as ``gate.json`` has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One question of the gate.

    Attributes:
        unit: of ``asked`` and ``found``, a key of :data:`dfpt.evaluation.rule.SHOW`; empty: they are bare numbers, as
            in decisions from before there was one.
        at_least: whether ``asked`` is a floor; None where the decision does not say.
        policy: the line of params.yaml that asks; empty where none does.
        reason, meaning: the gate's own sentences, in English.
    """

    name: str
    asked: float | None
    found: float | None
    passed: bool
    at_least: bool | None
    unit: str
    policy: str
    reason: str
    meaning: str


def of(decision: Mapping[str, Any] | None) -> list[Check]:
    """The checks, those that failed first; none where there is no decision."""
    checks = (decision or {}).get("checks")
    found = [_check(check) for check in checks if isinstance(check, Mapping)] if isinstance(checks, list) else []
    return sorted(found, key=lambda check: check.passed)


def _check(check: Mapping[str, Any]) -> Check:
    at_least = check.get("at_least")
    return Check(
        name=str(check.get("name")),
        asked=_number(check.get("asked")),
        found=_number(check.get("found")),
        passed=check.get("passed") is True,
        at_least=at_least if isinstance(at_least, bool) else None,
        unit=str(check.get("unit") or ""),
        policy=str(check.get("policy", "")),
        reason=str(check.get("reason", "")),
        meaning=str(check.get("meaning", "")),
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
