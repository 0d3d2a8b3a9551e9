"""The charts of :mod:`dfpt.evaluation.charts` with what is said of them in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dfpt.approvals.pages.words import Words
from dfpt.evaluation import charts
from dfpt.evaluation.charts import Span
from dfpt.registry.history import Deployment


@dataclass(frozen=True)
class Pictures:
    words: Words

    def rate(self, span: Span, low: float, high: float, reference: float | None = None) -> Markup:
        """A rate with its interval on the range ``low`` to ``high``."""
        return charts.interval(span, low, high, self.said(span), reference)

    def said(self, span: Span) -> str:
        """A rate and its interval in words."""
        value = self.words.percent(span.value)
        if span.low is None or span.high is None:
            return value
        return f"{value} ({self.words.rates(span.low, span.high)})"

    def difference(self, span: Span, reach: float, allowed: float | None = None) -> Markup:
        title = self.words.points(span.value)
        if span.low is not None and span.high is not None:
            title = f"{title} ({self.words.span(span.low, span.high)})"
        return charts.difference(span, reach, title, allowed)

    def dots(self, values: Mapping[int, float], low: float, high: float, names: Sequence[str]) -> Markup:
        said = ", ".join(f"{names[number]} {self.words.percent(value)}" for number, value in sorted(values.items()))
        return charts.dots(values, low, high, said)

    def share(self, value: float, largest: float, said: str, number: int = 0) -> Markup:
        """A bar as long as ``value`` is against ``largest``."""
        return charts.share(value / largest if largest else 0.0, said, number)

    def reliability(self, bins: Sequence[Mapping[str, Any]], images: int, name: str) -> Markup:
        _ = self.words.gettext
        words = charts.ReliabilityWords(
            _("Calibration of: %(model)s") % {"model": name},
            _("how sure it says it is"),
            _("how often it is right"),
            _("{images} images: {sure} sure, {right} right"),
        )
        return charts.reliability(bins, images, words)

    def lines(self, series: Mapping[int, Sequence[float]], names: Sequence[str], kind: str) -> Markup:
        """Accuracy at strengths 0 to 5 of a corruption."""
        _ = self.words.gettext
        said = "; ".join(
            f"{names[number]}: {', '.join(map(self.words.percent, values))}"
            for number, values in sorted(series.items())
        )
        return charts.lines(series, f"{kind}. {said}", _("strength"))

    def timeline(self, spans: Sequence[tuple[Deployment, float, float]]) -> Markup:
        """Which version was in production for how much of the time."""
        blocks = []
        for item, begins, ends in spans:
            said = f"{item.production_version}: {self.words.moment(item.at)}"
            blocks.append(charts.Block(str(item.production_version), said, begins, ends))
        return charts.timeline(blocks, self.words.gettext("Versions in production over time"))

    def legend(self, number: int) -> Markup:
        return charts.legend(number)
