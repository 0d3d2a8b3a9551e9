"""The pieces that :mod:`dfpt.evaluation.charts` draws with: SVG text with attributes and classes, without styles."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def dot(x: float, y: float, radius: float) -> str:
    return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>'


MARKS = 8  # forms that a reader can tell apart


def mark(x: float, y: float, number: int, size: float = 1.0) -> str:
    """Another form for each model, so that colour is not all that tells them apart."""
    if number == 0:
        return f'<circle class="mark-0" cx="{x:.1f}" cy="{y:.1f}" r="{5.5 * size:.1f}"/>'
    r = 6 * size
    if number in (2, 5, 6):  # a square, a lying and a standing bar
        w, h = {2: (1.5, 1.5), 5: (2.2, 0.8), 6: (0.8, 2.2)}[number]
        w, h = w * r, h * r
        corner = f'x="{x - w / 2:.1f}" y="{y - h / 2:.1f}"'
        return f'<rect class="mark-{number}" {corner} width="{w:.1f}" height="{h:.1f}"/>'
    way = {
        1: f"M{x:.1f} {y - r:.1f}l{r:.1f} {r:.1f}l-{r:.1f} {r:.1f}l-{r:.1f} -{r:.1f}z",
        3: f"M{x:.1f} {y - 0.9 * r:.1f}l{0.9 * r:.1f} {1.7 * r:.1f}h-{1.8 * r:.1f}z",
        4: f"M{x:.1f} {y + 0.9 * r:.1f}l{0.9 * r:.1f} -{1.7 * r:.1f}h-{1.8 * r:.1f}z",
        7: f"M{x - r:.1f} {y - r:.1f}h{2 * r:.1f}l-{2 * r:.1f} {2 * r:.1f}h{2 * r:.1f}z",  # an hourglass
    }
    return f'<path class="mark-{number}" d="{way[number]}"/>'


def text(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{Markup.escape(words)}</text>'


def picture(width: int, height: int, title: str, parts: Sequence[str]) -> Markup:
    name = Markup.escape(title)
    return Markup(
        f'<svg class="chart" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{name}">{"".join(parts)}</svg>'
    )
