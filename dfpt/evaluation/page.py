"""Pages that an approver reads: self-contained HTML (styles and drawings inline, no script, nothing from outside)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dfpt.evaluation import charts, schema
from dfpt.evaluation import gate as rules

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

MODELS = {
    "teacher": ("Teacher", "the large model that teaches; it does not fit the device"),
    "baseline": ("Student alone", "the same small network, trained without the teacher"),
    "student": ("Distilled student", "the candidate: the small network, taught by the teacher"),
}


def evaluation(report: Mapping[str, Any]) -> str:
    """evaluation.html of a report that has the format of :mod:`dfpt.evaluation.schema`."""
    return _environment().get_template("evaluation.html").render(report=report, **_verdict(report))


def gate(decision: rules.Decision, report: Mapping[str, Any]) -> str:
    """gate.html; the evidence is shown below the checks only where the report can be trusted."""
    evidence = report if "error" not in report and schema.problem(report) is None else None
    rule = {rule.name: rule for rule in rules.RULES}
    return _environment().get_template("gate.html").render(decision=decision, rules=rule, report=evidence)


def _verdict(report: Mapping[str, Any]) -> dict[str, str]:
    """What the comparison with the student alone says, as a headline and the colour it stands in."""
    gain = report["comparisons"]["student-baseline"]["accuracy"]
    if gain["low"] > 0:
        return {"tone": "good", "headline": "The distilled student is better than the same network trained alone."}
    if gain["high"] < 0:
        return {"tone": "bad", "headline": "The distilled student is worse than the same network trained alone."}
    return {
        "tone": "open",
        "headline": "These images do not tell the distilled student from the same network trained alone.",
    }


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("dfpt.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": rules.percent,
        "points": lambda value: f"{100 * value:+.1f}".replace("-", "−"),
        "count": rules.count,
        "milliseconds": rules.milliseconds,
    }
    environment.filters["shade"] = charts.shade
    environment.globals |= {"names": MODELS, "interval_chart": _interval, "reliability_chart": _reliability}
    return environment


def _interval(figures: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> Markup:
    """One model's accuracy, on the range that all of them share."""
    spans = [charts.Span(model["accuracy"], model["accuracy_low"], model["accuracy_high"]) for model in models.values()]
    own = charts.Span(figures["accuracy"], figures["accuracy_low"], figures["accuracy_high"])
    return charts.interval(own, *charts.scale(spans), title=rules.percent(own.value))


def _reliability(bins: Sequence[Mapping[str, Any]], images: int, name: str) -> Markup:
    words = charts.ReliabilityWords(
        f"Reliability of the {name.lower()}",
        "how sure it says it is",
        "how often it is right",
        "{images} images: {sure} sure, {right} right",
    )
    return charts.reliability(bins, images, words)
