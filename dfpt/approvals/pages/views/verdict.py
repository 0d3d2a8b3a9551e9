"""The one sentence at the top: is the candidate better than what is in production?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dfpt.approvals.pages.views.evidence import Evidence
from dfpt.evaluation.charts import Span

Answer = Literal["better", "worse", "open", "first", "incomparable", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """What the paired comparison with the champion says.

    Attributes:
        answer: ``open``: the interval holds zero; ``first``: nothing is in production; ``incomparable``: the gate
            could not compare; ``unknown``: there is no evidence to trust.
        difference: candidate minus champion, accuracy on the same images.
        champion: version of the champion that the gate compared with.
        allowed: the loss that the gate lets pass.
        problem: why it is incomparable, in English.
    """

    answer: Answer
    difference: Span | None = None
    champion: str | None = None
    allowed: float | None = None
    problem: str = ""

    @property
    def tone(self) -> str:
        return {"better": "good", "worse": "bad", "unknown": "bad"}.get(self.answer, "open")


def of(evidence: Evidence) -> Verdict:
    if evidence.state != "whole" or evidence.gate is None:
        return Verdict("unknown")
    champion = evidence.gate.get("champion")
    if champion is None:
        return Verdict("first")
    version = str(champion.get("version", ""))
    span = span_of(champion)
    if span is None or span.low is None or span.high is None:
        return Verdict("incomparable", champion=version, problem=str(champion.get("error", "")))
    answer: Answer = "better" if span.low > 0 else "worse" if span.high < 0 else "open"
    return Verdict(answer, span, version, _allowed(evidence.gate))


def span_of(values: Mapping[str, Any]) -> Span | None:
    """A difference with its interval, if all three are there and finite."""
    found = [values.get(key) for key in ("difference", "low", "high")]
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in found):
        return None
    return Span(*(float(value) for value in found if value is not None))


def _allowed(gate: Mapping[str, Any]) -> float | None:
    for check in gate.get("checks") or ():
        if isinstance(check, Mapping) and check.get("name") == "non_inferior_to_champion":
            asked = check.get("asked")
            return float(asked) if isinstance(asked, int | float) else None
    return None
