"""The gate's decision, line by line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dfpt.evaluation import gate


@dataclass(frozen=True)
class Check:
    """One question of the gate.

    Attributes:
        at_least: whether ``asked`` is a floor; None where the rule is not known here.
        kind: how the figures are written: rate, points, count, seconds; empty: as they are.
        reason: the gate's own sentence, in English.
    """

    name: str
    asked: float | None
    found: float | None
    passed: bool
    at_least: bool | None
    kind: str
    reason: str


_KINDS = {"percent": "rate", "points": "points", "loss": "points", "count": "count", "milliseconds": "seconds"}


def of(decision: Mapping[str, Any] | None) -> list[Check]:
    """The checks of ``gate.json``, those that failed first; none where there is no decision."""
    rules = {rule.name: rule for rule in gate.RULES}
    found = []
    for check in (decision or {}).get("checks") or ():
        if not isinstance(check, Mapping):
            continue
        rule = rules.get(str(check.get("name")))
        found.append(
            Check(
                str(check.get("name")),
                _number(check.get("asked")),
                _number(check.get("found")),
                check.get("passed") is True,
                None if rule is None else rule.at_least,
                "" if rule is None else _KINDS.get(getattr(rule.show, "__name__", ""), ""),
                str(check.get("reason", "")),
            )
        )
    return sorted(found, key=lambda check: check.passed)


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]
