"""The drift report as one HTML page that needs nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfpt.datasets.contact_sheet import THUMBNAIL, data_uri

if TYPE_CHECKING:
    from dfpt.datasets.sample import Sample

WIDTH, HEIGHT = 240, 60  # of a plot


def pictures(sample: Sample, rows: NDArray[np.int64]) -> dict[str, str]:
    """Path -> the image as a data URI."""
    path = dict(zip(sample.rows.tolist(), sample.paths, strict=True))
    return {path[int(row)]: data_uri(sample.images[int(row)]) for row in rows}


def render(report: dict[str, Any], unlike: dict[str, str]) -> str:
    """The page.

    Args:
        report: content of drift.json.
        unlike: of :func:`pictures`: the current images that are least like the reference.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("dfpt.datasets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["outline"] = outline
    return environment.get_template("drift.html").render(
        report=report, unlike=unlike, size=THUMBNAIL, width=WIDTH, height=HEIGHT
    )


def outline(shares: Sequence[float], highest: float) -> str:
    """A histogram's outline as the points of an SVG polyline on WIDTH x HEIGHT, ``highest`` at its top."""
    step = WIDTH / len(shares)
    points = [(0.0, 0.0)]
    for number, share in enumerate(shares):
        points += [(number * step, share), ((number + 1) * step, share)]
    points.append((float(WIDTH), 0.0))
    return " ".join(f"{x:.1f},{HEIGHT * (1 - y / highest):.1f}" for x, y in points)
