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
    parts = [_line(4, 12, 156, 12, "axis")]
    if reference is not None and low <= reference <= high:
        parts.append(_line(x := _across(reference, low, high), 1, x, 23, "guide"))
    if span.low is not None and span.high is not None:
        ends = (_across(span.low, low, high), _across(span.high, low, high))
        parts += [_line(ends[0], 12, ends[1], 12, "bar"), *(_line(end, 8, end, 16, "bar") for end in ends)]
    parts.append(_dot(_across(span.value, low, high), 12, 4.5))
    return _svg(160, 24, title, parts)


def difference(span: Span, reach: float, title: str, allowed: float | None = None) -> Markup:
    """A difference on a range of ``reach`` to both sides of zero, 240 x 30; the side of a loss is tinted.

    Args:
        allowed: the loss that the gate lets pass (positive), drawn as a broken line.
    """
    zero = _across(0, -reach, reach, 240)
    parts = [f'<rect class="loss" x="0" y="0" width="{zero:.1f}" height="30"/>', _line(0, 15, 240, 15, "axis")]
    if allowed is not None and 0 < allowed <= reach:
        parts.append(_line(x := _across(-allowed, -reach, reach, 240), 2, x, 28, "guide"))
    parts.append(_line(zero, 0, zero, 30, "zero"))
    if span.low is not None and span.high is not None:
        ends = [_across(min(max(end, -reach), reach), -reach, reach, 240) for end in (span.low, span.high)]
        parts += [_line(ends[0], 15, ends[1], 15, "bar"), *(_line(end, 10, end, 20, "bar") for end in ends)]
    parts.append(_dot(_across(min(max(span.value, -reach), reach), -reach, reach, 240), 15, 5))
    return _svg(240, 30, title, parts)


def reach(spans: Sequence[Span], least: float = 0.02) -> float:
    """How far to both sides of zero a column of differences is drawn."""
    ends = [abs(end) for span in spans for end in (span.value, span.low, span.high) if end is not None]
    return max([least, *ends]) * 1.1


def dots(values: Mapping[int, float], low: float, high: float, title: str) -> Markup:
    """Several models' values on one line, 220 x 24: ``values`` by the number of the class ``mark-N`` they are drawn in.

    The first is drawn last, on top, and larger.
    """
    parts = [_line(4, 12, 216, 12, "axis")]
    for number, value in sorted(values.items(), reverse=True):
        parts.append(_mark(_across(value, low, high, 220), 12, number))
    return _svg(220, 24, title, parts)


def share(part: float, title: str, number: int = 0) -> Markup:
    """A bar that fills ``part`` (0 to 1) of 120 x 10."""
    width = 120 * min(max(part, 0.0), 1.0)
    return _svg(
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
        _line(0, height, side, 0, "guide"),
    ]
    for tick in (0.0, 0.5, 1.0):
        parts.append(_text(side * tick, height + 16, "middle", f"{100 * tick:.0f} %"))
        parts.append(_text(-6, height + 4 - height * tick, "end", f"{100 * tick:.0f} %"))
    places = [(side * item["confidence"], height - height * item["accuracy"]) for item in bins]
    parts.append(f'<polyline class="curve" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
    for item, (x, y) in zip(bins, places, strict=True):
        said = words.bin.format(
            images=item["images"], sure=f"{100 * item['confidence']:.1f} %", right=f"{100 * item['accuracy']:.1f} %"
        )
        radius = 2 + 9 * (item["images"] / images) ** 0.5 if images else 2
        title = f"<title>{Markup.escape(said)}</title>"
        parts.append(f'<circle class="bubble" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{title}</circle>')
    parts.append(_text(side / 2, height + 36, "middle", words.sure))
    parts.append(f'<g transform="rotate(-90 -48 {height // 2})">{_text(-48, height / 2, "middle", words.right)}</g>')
    parts.append("</g>")
    return _svg(300, 250, words.title, parts)


def lines(series: Mapping[int, Sequence[float]], title: str, across: str) -> Markup:
    """Rates of several models at steps 0, 1, 2, ..., 230 x 158; drawn in the colour of ``mark-N``.

    Args:
        across: what the steps are.
    """
    width, height = 168, 108
    parts = ['<g transform="translate(46 10)">', f'<rect class="frame" width="{width}" height="{height}"/>']
    for tick in (0.0, 0.5, 1.0):
        parts.append(_text(-6, height + 4 - height * tick, "end", f"{100 * tick:.0f} %"))
    steps = max(map(len, series.values()), default=1)
    xs = [width * step / max(steps - 1, 1) for step in range(steps)]
    parts += [_text(x, height + 16, "middle", str(step)) for step, x in enumerate(xs)]
    for number, values in sorted(series.items(), reverse=True):
        places = [(x, height - height * value) for x, value in zip(xs, values, strict=False)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline class="line-{number}" points="{points}"/>')
        parts += [_mark(x, y, number, 0.6) for x, y in places]
    parts += [_text(width / 2, height + 32, "middle", across), "</g>"]
    return _svg(230, 158, title, parts)


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
            parts.append(_text(x + width / 2, 20, "middle", block.label))
    return _svg(720, 30, title, parts)


def shade(images: int, total: int) -> int:
    """How strongly a cell of a confusion matrix is tinted: 0 for none to ``SHADES`` for the whole row."""
    if images <= 0 or total <= 0:
        return 0
    return max(1, round(SHADES * images / total))


def _across(value: float, low: float, high: float, width: int = 160) -> float:
    """Where a value lies on a line that keeps a margin of 8 at both ends."""
    return 8 + (width - 16) * (value - low) / (high - low)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _dot(x: float, y: float, radius: float) -> str:
    return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>'


def _mark(x: float, y: float, number: int, size: float = 1.0) -> str:
    """Another form for each model, so that colour is not all that tells them apart."""
    if number == 0:
        return f'<circle class="mark-0" cx="{x:.1f}" cy="{y:.1f}" r="{5.5 * size:.1f}"/>'
    r = 6 * size
    if number == 1:
        return f'<path class="mark-1" d="M{x:.1f} {y - r:.1f}l{r:.1f} {r:.1f}l-{r:.1f} {r:.1f}l-{r:.1f} -{r:.1f}z"/>'
    if number == 2:
        a = 9 * size
        return f'<rect class="mark-2" x="{x - a / 2:.1f}" y="{y - a / 2:.1f}" width="{a:.1f}" height="{a:.1f}"/>'
    return f'<path class="mark-3" d="M{x:.1f} {y - 0.9 * r:.1f}l{0.9 * r:.1f} {1.7 * r:.1f}h-{1.8 * r:.1f}z"/>'


def legend(number: int) -> Markup:
    """The form of ``mark-N``, 14 x 14, for a legend; it says nothing to a screen reader."""
    drawn = _mark(7, 7, number)
    return Markup(f'<svg class="chart key" viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">{drawn}</svg>')


def _text(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{Markup.escape(words)}</text>'


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> Markup:
    name = Markup.escape(title)
    return Markup(
        f'<svg class="chart" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{name}">{"".join(parts)}</svg>'
    )
