"""Small pictures of figures, as SVG text: pure functions, for evaluate's pages and for the approvals service.

They carry attributes and classes only, no ``style``: a page whose policy forbids inline styles can show them. Colours
are the page's own, by the classes ``axis``, ``guide``, ``bar``, ``dot`` and ``mark-N``. Whatever is written in a
picture is the caller's, in the reader's language, and escaped here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dfpt.evaluation import svg

SHADES = 10


@dataclass(frozen=True)
class Span:
    """A figure with its interval, which may be missing: then both ends are None."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ReliabilityWords:
    """What is written in a reliability diagram; ``bin`` is a format of ``images``, ``sure``, ``right`` (percent)."""

    title: str
    sure: str
    right: str
    bin: str


@dataclass(frozen=True)
class Block:
    """A part of a time line, from ``begins`` to ``ends`` (shares of the whole); ``said`` is for whoever asks."""

    label: str
    said: str
    begins: float
    ends: float


def scale(spans: Sequence[Span], least: float = 0.01) -> tuple[float, float]:
    """The range (low, high) that holds all intervals, at least ``least`` wide: bars of one column share it."""
    ends = [end for span in spans for end in (span.value, span.low, span.high) if end is not None]
    if not ends:
        return 0.0, 1.0
    low, high = min(ends), max(ends)
    missing = max(0.0, least - (high - low)) / 2
    return low - missing, high + missing


def interval(span: Span, low: float, high: float, title: str, reference: float | None = None) -> Markup:
    """A line from end to end with a dot at the value, 160 x 24, on the range ``low`` to ``high``.

    Args:
        reference: where an upright line stands, such as the figure of what is in production.
    """
    parts = [svg.line(4, 12, 156, 12, "axis")]
    if reference is not None and low <= reference <= high:
        parts.append(svg.line(x := _across(reference, low, high), 1, x, 23, "guide"))
    if span.low is not None and span.high is not None:
        ends = (_across(span.low, low, high), _across(span.high, low, high))
        parts += [svg.line(ends[0], 12, ends[1], 12, "bar"), *(svg.line(end, 8, end, 16, "bar") for end in ends)]
    parts.append(svg.dot(_across(span.value, low, high), 12, 4.5))
    return svg.picture(160, 24, title, parts)


def difference(span: Span, reach: float, title: str, allowed: float | None = None) -> Markup:
    """A difference on a range of ``reach`` to both sides of zero, 240 x 30; the side of a loss is tinted.

    Args:
        allowed: the loss that the gate lets pass (positive), drawn as a broken line.
    """
    zero = _across(0, -reach, reach, 240)
    parts = [f'<rect class="loss" x="0" y="0" width="{zero:.1f}" height="30"/>', svg.line(0, 15, 240, 15, "axis")]
    if allowed is not None and 0 < allowed <= reach:
        parts.append(svg.line(x := _across(-allowed, -reach, reach, 240), 2, x, 28, "guide"))
    parts.append(svg.line(zero, 0, zero, 30, "zero"))
    if span.low is not None and span.high is not None:
        ends = [_across(min(max(end, -reach), reach), -reach, reach, 240) for end in (span.low, span.high)]
        parts += [svg.line(ends[0], 15, ends[1], 15, "bar"), *(svg.line(end, 10, end, 20, "bar") for end in ends)]
    parts.append(svg.dot(_across(min(max(span.value, -reach), reach), -reach, reach, 240), 15, 5))
    return svg.picture(240, 30, title, parts)


def reach(spans: Sequence[Span], least: float = 0.02) -> float:
    """How far to both sides of zero a column of differences is drawn."""
    ends = [abs(end) for span in spans for end in (span.value, span.low, span.high) if end is not None]
    return max([least, *ends]) * 1.1


def dots(values: Mapping[int, float], low: float, high: float, title: str) -> Markup:
    """Several models' values on one line, 220 x 24: ``values`` by the number of the class ``mark-N`` they are drawn in.

    The first is drawn last, on top, and larger.
    """
    parts = [svg.line(4, 12, 216, 12, "axis")]
    for number, value in sorted(values.items(), reverse=True):
        parts.append(svg.mark(_across(value, low, high, 220), 12, number))
    return svg.picture(220, 24, title, parts)


def share(part: float, title: str, number: int = 0) -> Markup:
    """A bar that fills ``part`` (0 to 1) of 120 x 10."""
    width = 120 * min(max(part, 0.0), 1.0)
    return svg.picture(
        120,
        10,
        title,
        [
            '<rect class="trough" x="0" y="1" width="120" height="8" rx="2"/>',
            f'<rect class="fill mark-{number}" x="0" y="1" width="{max(width, 1.5):.1f}" height="8" rx="2"/>',
        ],
    )


def reliability(bins: Sequence[Mapping[str, Any]], images: int, words: ReliabilityWords) -> Markup:
    """How sure against how often right, 300 x 250, a dot for each bin of ``report.json``; its area is its images."""
    side, height = 216, 196
    parts = [
        '<g transform="translate(62 10)">',
        f'<rect class="frame" width="{side}" height="{height}"/>',
        svg.line(0, height, side, 0, "guide"),
    ]
    for tick in (0.0, 0.5, 1.0):
        parts.append(svg.text(side * tick, height + 16, "middle", f"{100 * tick:.0f} %"))
        parts.append(svg.text(-6, height + 4 - height * tick, "end", f"{100 * tick:.0f} %"))
    places = [(side * item["confidence"], height - height * item["accuracy"]) for item in bins]
    parts.append(f'<polyline class="curve" points="{_written(places)}"/>')
    for item, (x, y) in zip(bins, places, strict=True):
        said = words.bin.format(
            images=item["images"], sure=f"{100 * item['confidence']:.1f} %", right=f"{100 * item['accuracy']:.1f} %"
        )
        radius = 2 + 9 * (item["images"] / images) ** 0.5 if images else 2
        title = f"<title>{Markup.escape(said)}</title>"
        parts.append(f'<circle class="bubble" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{title}</circle>')
    parts.append(svg.text(side / 2, height + 36, "middle", words.sure))
    parts.append(f'<g transform="rotate(-90 -48 {height // 2})">{svg.text(-48, height / 2, "middle", words.right)}</g>')
    parts.append("</g>")
    return svg.picture(300, 250, words.title, parts)


def lines(
    series: Mapping[int, Sequence[float]],
    title: str,
    across: str,
    bands: Mapping[int, Sequence[tuple[float, float]]] | None = None,
) -> Markup:
    """Rates of several models at steps 0, 1, 2, ..., 230 x 158; drawn in the colour of ``mark-N``.

    Args:
        across: what the steps are.
        bands: the ends of each rate's interval, shaded behind the lines.
    """
    width, height = 168, 108
    parts = ['<g transform="translate(46 10)">', f'<rect class="frame" width="{width}" height="{height}"/>']
    for tick in (0.0, 0.5, 1.0):
        parts.append(svg.text(-6, height + 4 - height * tick, "end", f"{100 * tick:.0f} %"))
    steps = max(map(len, series.values()), default=1)
    xs = [width * step / max(steps - 1, 1) for step in range(steps)]
    parts += [svg.text(x, height + 16, "middle", str(step)) for step, x in enumerate(xs)]

    def points(values: Sequence[float]) -> list[tuple[float, float]]:
        return [(x, height - height * value) for x, value in zip(xs, values, strict=False)]

    for number, ends in sorted((bands or {}).items(), reverse=True):
        outline = points([high for _, high in ends]) + points([low for low, _ in ends])[::-1]
        parts.append(f'<polygon class="band-{number}" points="{_written(outline)}"/>')
    for number, values in sorted(series.items(), reverse=True):
        places = points(values)
        parts.append(f'<polyline class="line-{number}" points="{_written(places)}"/>')
        parts += [svg.mark(x, y, number, 0.6) for x, y in places]
    parts += [svg.text(width / 2, height + 32, "middle", across), "</g>"]
    return svg.picture(230, 158, title, parts)


def _written(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def timeline(blocks: Sequence[Block], title: str) -> Markup:
    """Blocks one after the other, 720 x 30; the last is the present one."""
    parts = []
    for number, block in enumerate(blocks):
        x, width = 720 * block.begins, max(720 * (block.ends - block.begins), 2.0)
        kind = "block now" if number == len(blocks) - 1 else "block"
        parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="1" width="{width:.1f}" height="28" rx="3">'
            f"<title>{Markup.escape(block.said)}</title></rect>"
        )
        if width >= 24:
            parts.append(svg.text(x + width / 2, 20, "middle", block.label))
    return svg.picture(720, 30, title, parts)


def shade(images: int, total: int) -> int:
    """How strongly a cell of a confusion matrix is tinted: 0 for none to ``SHADES`` for the whole row."""
    if images <= 0 or total <= 0:
        return 0
    return max(1, round(SHADES * images / total))


def _across(value: float, low: float, high: float, width: int = 160) -> float:
    """Where a value lies on a line that keeps a margin of 8 at both ends."""
    return 8 + (width - 16) * (value - low) / (high - low)


def legend(number: int) -> Markup:
    """The form of ``mark-N``, 14 x 14, for a legend; it says nothing to a screen reader."""
    drawn = svg.mark(7, 7, number)
    return Markup(f'<svg class="chart key" viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">{drawn}</svg>')
