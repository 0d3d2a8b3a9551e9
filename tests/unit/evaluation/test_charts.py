"""The pictures say what the figures say: places are read back from the SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from dfpt.evaluation import charts, svg
from dfpt.evaluation.charts import Span

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '"><script>alert(1)</script>'
WORDS = charts.ReliabilityWords(HOSTILE, HOSTILE, HOSTILE, HOSTILE + "{images} {sure} {right}")
BINS: list[dict[str, Any]] = [
    {"confidence": 0.5, "accuracy": 0.25, "images": 9},
    {"confidence": 1.0, "accuracy": 1.0, "images": 91},
]


def elements(svg: str, kind: str) -> list[ET.Element]:
    return [element for element in ET.fromstring(svg).iter() if element.get("class") == kind]


def x(svg: str, kind: str) -> float:
    return float(next(iter(elements(svg, kind))).get("cx") or "nan")


def test_bars_of_one_column_share_a_range_that_holds_every_interval() -> None:
    spans = [Span(0.9, 0.85, 0.95), Span(0.7, 0.6, 0.8), Span(0.5)]
    assert charts.scale(spans) == (0.5, 0.95)
    assert charts.scale([]) == (0.0, 1.0)
    low, high = charts.scale([Span(0.5, 0.5, 0.5)])
    assert low < 0.5 < high


def test_an_interval_is_drawn_where_its_figures_are() -> None:
    drawn = charts.interval(Span(0.75, 0.5, 1.0), 0.5, 1.0, "75 %", reference=0.5)
    assert x(drawn, "dot") == 80
    bar = elements(drawn, "bar")[0]
    assert (bar.get("x1"), bar.get("x2")) == ("8.0", "152.0")
    assert elements(drawn, "guide")[0].get("x1") == "8.0"
    assert elements(charts.interval(Span(0.75), 0.5, 1.0, ""), "bar") == []


@pytest.mark.parametrize(("value", "side"), [(-0.05, -1), (0.0, 0), (0.05, 1)])
def test_a_loss_lies_left_of_zero_and_a_gain_right(value: float, side: int) -> None:
    drawn = charts.difference(Span(value, value - 0.01, value + 0.01), 0.1, "")
    zero = float(elements(drawn, "zero")[0].get("x1") or "nan")
    assert zero == 120
    assert (x(drawn, "dot") > zero) - (x(drawn, "dot") < zero) == side
    assert float(elements(drawn, "loss")[0].get("width") or "nan") == zero


def test_a_difference_beyond_the_picture_stays_in_it() -> None:
    drawn = charts.difference(Span(-0.9, -1.0, -0.8), 0.1, "", allowed=0.05)
    assert x(drawn, "dot") == 8
    assert elements(drawn, "guide")[0].get("x1") == "64.0"


def test_a_calibrated_bin_lies_on_the_diagonal() -> None:
    drawn = charts.reliability(BINS, 100, WORDS)
    under, calibrated = (
        (float(dot.get("cx") or "nan"), float(dot.get("cy") or "nan")) for dot in elements(drawn, "bubble")
    )
    assert calibrated == (216, 0)
    assert under == (108, 147)


@pytest.mark.parametrize(
    ("images", "total", "strength"), [(0, 10, 0), (1, 1000, 1), (5, 10, 5), (10, 10, 10), (0, 0, 0)]
)
def test_the_tint_of_a_cell_is_its_share_of_the_row(images: int, total: int, strength: int) -> None:
    assert charts.shade(images, total) == strength


def test_every_picture_is_xml_without_styles_or_foreign_markup() -> None:
    span = Span(0.5, 0.4, 0.6)
    pictures = [
        charts.interval(span, 0, 1, HOSTILE),
        charts.difference(span, 1, HOSTILE),
        charts.dots({0: 0.5, 1: 0.4, 2: 0.3, 3: 0.2}, 0, 1, HOSTILE),
        charts.share(0.5, HOSTILE),
        charts.lines({0: [1.0, 0.5], 1: [0.9, 0.1]}, HOSTILE, HOSTILE),
        charts.timeline([charts.Block(HOSTILE, HOSTILE, 0.0, 1.0)], HOSTILE),
        charts.reliability(BINS, 100, WORDS),
        *map(charts.legend, range(4)),
    ]
    for picture in pictures:
        root = ET.fromstring(picture)
        assert not [element for element in root.iter() if element.get("style") or element.tag == "script"]
        assert root.get("aria-label") == HOSTILE or root.get("aria-hidden") == "true"


def test_a_line_falls_as_its_rates_do() -> None:
    drawn = charts.lines({0: [1.0, 0.5, 0.0]}, "", "strength")
    assert elements(drawn, "line-0")[0].get("points") == "0.0,0.0 84.0,54.0 168.0,108.0"


def test_blocks_of_a_time_line_are_as_long_as_their_time_and_the_last_is_now() -> None:
    drawn = charts.timeline([charts.Block("1", "", 0.0, 0.25), charts.Block("2", "", 0.25, 1.0)], "")
    assert [element.get("width") for element in elements(drawn, "block")] == ["180.0"]
    assert [(element.get("x"), element.get("width")) for element in elements(drawn, "block now")] == [
        ("180.0", "540.0")
    ]


def test_every_model_has_another_mark_at_its_place() -> None:
    drawn = [svg.mark(50, 20, number) for number in range(svg.MARKS)]
    assert len({mark.replace(f"mark-{number}", "mark") for number, mark in enumerate(drawn)}) == svg.MARKS
    for number, mark in enumerate(drawn):
        assert f'class="mark-{number}"' in mark
        ET.fromstring(mark)


def test_a_band_holds_the_line_of_its_own_figures() -> None:
    drawn = charts.lines({0: [1.0, 0.5], 1: [0.5, 0.5]}, "", "strength", {0: [(0.5, 1.0), (0.0, 1.0)]})
    (band,) = elements(drawn, "band-0")
    assert band.get("points") == "0.0,0.0 168.0,0.0 168.0,108.0 0.0,54.0"
    assert elements(drawn, "line-0")[0].get("points") == "0.0,0.0 168.0,54.0"
    assert elements(drawn, "band-1") == []
