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
# (key in the report, name, number of its mark): the numbers of the approvals service, where 1 is the champion
NETWORKS = (
    ("student", MODELS["student"][0], 0),
    ("baseline", MODELS["baseline"][0], 2),
    ("teacher", MODELS["teacher"][0], 3),
)
# colours of the marks, on a light and on a dark page
PALETTE = (
    ("#1d5b8f", "#82b8ec"),
    ("#b35c00", "#f0a24d"),
    ("#66717f", "#a3afbd"),
    ("#6f4bb0", "#bda2f2"),
    ("#14794a", "#5fcf98"),
    ("#b3261e", "#ff8a80"),
    ("#8a6100", "#f0c060"),
    ("#a0327a", "#f08cc8"),
)
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
    environment.globals |= {"names": MODELS, "NETWORKS": NETWORKS, "KINDS": KINDS, "PALETTE": PALETTE}
    environment.globals |= {"interval_chart": _interval, "reliability_chart": _reliability}
    environment.globals |= {"corruption_chart": _corruption, "legend_mark": charts.legend, "numbered": _numbered}
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


def _corruption(
    found: Mapping[str, Any],
    kind: str,
    networks: Sequence[tuple[str, str, int]],
    bands: Mapping[str, Any] | None,
) -> Markup:
    """Accuracy at strengths 0 (as they are) to 5 of one kind of corruption.

    Args:
        networks: (key in ``found``, name, number of its mark).
        bands: like ``clean`` and ``corrupted`` of ``found``, each rate with ``low`` and ``high``.
    """
    series = {number: _rates(found, kind, key) for key, _, number in networks}
    said = "; ".join(f"{name}: {', '.join(map(shown.percent, series[number]))}" for _, name, number in networks)
    ends = {
        number: [(rate["low"], rate["high"]) for rate in _rates(bands, kind, key)]
        for key, _, number in networks
        if bands
    }
    return charts.lines(series, f"Accuracy under {KINDS[kind][0].lower()}. {said}", "strength", ends)


def _rates(found: Mapping[str, Any], kind: str, key: str) -> list[Any]:
    return [found["clean"][key], *(at[key] for at in found["corrupted"][kind].values())]


def _numbered(networks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    return [(one["name"], one["name"], number) for number, one in enumerate(networks)]
