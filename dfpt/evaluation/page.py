"""Pages that an approver reads: self-contained HTML (styles and drawings inline, no script, nothing from outside)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dfpt.evaluation import charts, schema, shown
from dfpt.evaluation import gate as gating
from dfpt.evaluation.rule import SHOW

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

MODELS = {
    "teacher": ("Teacher", "the large model that teaches; it does not fit the device"),
    "baseline": ("Student alone", "the same small network, trained without the teacher"),
    "student": ("Distilled student", "the candidate: the small network, taught by the teacher"),
}
# kind of corruption -> its name and the unit of its strengths
KINDS = {
    "noise": ("Noise", "σ, of the grey range"),
    "blur": ("Blur", "σ, pixels of 64"),
    "brightness": ("Brightness", "times"),
    "darkness": ("Darkness", "times"),
    "rotation": ("Rotation", "degrees"),
    "contrast": ("Contrast", "times"),
}


def evaluation(report: Mapping[str, Any]) -> str:
    """evaluation.html of a report that has the format of :mod:`dfpt.evaluation.schema`."""
    return environment().get_template("evaluation.html").render(report=report, **_verdict(report))


def gate(decision: gating.Decision, report: Mapping[str, Any], differences: Mapping[str, Any] | None = None) -> str:
    """gate.html; the evidence is shown below the checks only where the report can be trusted.

    Args:
        differences: of :func:`dfpt.evaluation.differences.examples`; None where there is none to show.
    """
    evidence = report if "error" not in report and schema.problem(report) is None else None
    template = environment().get_template("gate.html")
    return template.render(decision=decision, show=SHOW, report=evidence, differences=differences)


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


def environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("dfpt.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": shown.percent,
        "points": lambda value: f"{100 * value:+.1f}".replace("-", "−"),
        "count": shown.count,
        "milliseconds": shown.milliseconds,
    }
    environment.filters["shade"] = charts.shade
    environment.globals |= {"names": MODELS, "KINDS": KINDS}
    environment.globals |= {"interval_chart": _interval, "reliability_chart": _reliability}
    return environment


def _interval(figures: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> Markup:
    """One model's accuracy, on the range that all of them share."""
    spans = [charts.Span(model["accuracy"], model["accuracy_low"], model["accuracy_high"]) for model in models.values()]
    own = charts.Span(figures["accuracy"], figures["accuracy_low"], figures["accuracy_high"])
    return charts.interval(own, *charts.scale(spans), title=shown.percent(own.value))


def _reliability(bins: Sequence[Mapping[str, Any]], images: int, name: str) -> Markup:
    words = charts.ReliabilityWords(
        f"Reliability of the {name.lower()}",
        "how sure it says it is",
        "how often it is right",
        "{images} images: {sure} sure, {right} right",
    )
    return charts.reliability(bins, images, words)
