"""The page says what was decided, and needs nothing but itself."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from dfpt.datasets.drift import compare, page
from dfpt.datasets.drift.compare import Described


def report(**over: Any) -> dict[str, Any]:
    random = np.random.default_rng(0)
    groups = compare.columns(Described(random.normal(size=(60, 2))), Described(random.normal(size=(50, 2))))
    finding = compare.compare(groups, 50, 99, 0)
    side = {"source": "folder:<b>", "data_hash": "a" * 64, "images": 60, "unreadable": 1, "learnt_from": 0}
    return {
        "drifted": False,
        "different": False,
        "p_value": 0.5,
        "settings": {"level": 0.05, "tolerance": 0.1, "permutations": 99},
        "reference": side | {"compared": 59},
        "current": side | {"compared": 50},
        "student": None,
        "tests": [{"group": "image statistics", "discrepancy": 0.01, "chance": 0.02, "p_value": 0.5}],
        "features": compare.features(groups, {"image statistics": {"a": "first", "b": "x<y"}}, finding, 50),
    } | over


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({}, "No drift found"),
        ({"different": True}, "Different, within tolerance"),
        ({"different": True, "drifted": True}, "Drift"),
    ],
)
def test_the_headline_is_the_decision(over: dict[str, Any], said: str) -> None:
    html = page.render(report(**over), {})
    assert f"<strong>{said}.</strong>" in html
    assert f"<title>{said}:" in html


def test_without_a_model_it_says_so_and_with_one_which() -> None:
    assert "image statistics alone were compared" in page.render(report(), {})
    student = {"model": "elpv/3 (candidate)", "data_hash": "b" * 64, "trained_on_reference": True}
    html = page.render(report(student=student), {})
    assert "elpv/3 (candidate)" in html
    assert "image statistics alone" not in html
    assert "left out on both sides" in html
    assert "left out" not in page.render(report(student=student | {"trained_on_reference": False}), {})


def test_nothing_comes_from_outside_and_names_are_escaped() -> None:
    html = page.render(report(), {"<i>.png": page.data_uri(np.zeros((8, 8, 1), np.uint8))})
    assert "<script" not in html
    assert not re.findall(r"(?:src|href)=\"(?!data:)", html)
    assert "url(" not in html
    assert "<b>" not in html
    assert "&lt;i&gt;.png" in html
    assert html.count("<svg") == 2


def test_an_outline_is_a_step_for_every_bin_and_reaches_its_heights() -> None:
    points = [tuple(map(float, point.split(","))) for point in page.outline([0.25, 0.5], highest=0.5).split()]
    half, width, height = page.HEIGHT / 2, page.WIDTH, page.HEIGHT
    assert points == [(0, height), (0, half), (width / 2, half), (width / 2, 0), (width, 0), (width, height)]
