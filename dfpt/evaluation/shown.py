"""How figures are written for a reader."""

from __future__ import annotations


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def points(value: float) -> str:
    return f"{100 * value:.1f} points"


def loss(value: float) -> str:
    return points(value) if value >= 0 else f"none (it gains {points(-value)})"


def count(value: float) -> str:
    return f"{value:,.0f}"


def milliseconds(value: float) -> str:
    return f"{1000 * value:.2f} ms"


def kilobytes(value: float) -> str:
    return f"{value / 1000:,.0f} kB"


def probability(value: float) -> str:
    return f"p = {value:.3f}" if value >= 0.0005 else "p < 0.0005"
