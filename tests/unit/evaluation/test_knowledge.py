"""The figures of the teacher's paths, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dfpt.evaluation import knowledge

LABELS = np.array([0, 1])
STUDENT = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], np.float32)


def test_a_path_that_says_what_the_student_says_is_no_distance_away() -> None:
    found = knowledge.figures({"prompt": STUDENT}, STUDENT, LABELS)["prompt"]
    assert found["gap"] == pytest.approx(0, abs=1e-7)
    assert found["accuracy"] == 1
    assert found["confidence"] == pytest.approx(0.5)
    assert found["ece"] == pytest.approx(0.5)
    assert found["other_classes"] == pytest.approx(math.log(2))  # both of them alike


def test_the_distance_is_from_the_path_to_the_student_and_the_rest_is_the_paths_own() -> None:
    path = np.array([[0.5, 0.5, 0.0], [0.8, 0.1, 0.1]], np.float32)
    found = knowledge.figures({"original": path}, STUDENT, LABELS)["original"]
    first = 0.5 * math.log(0.5 / 0.25)
    second = 0.8 * math.log(0.8 / 0.25) + 0.1 * math.log(0.1 / 0.5) + 0.1 * math.log(0.1 / 0.25)
    assert found["gap"] == pytest.approx((first + second) / 2, rel=1e-6)
    assert found["accuracy"] == 0.5
    assert found["confidence"] == pytest.approx(0.65)
    only = -(8 / 9 * math.log(8 / 9) + 1 / 9 * math.log(1 / 9))
    assert found["other_classes"] == pytest.approx(only / 2, rel=1e-6)  # the first has one other class: nothing to tell


def test_certainty_has_no_infinite_distance() -> None:
    certain = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], np.float32)
    found = knowledge.figures({"original": certain, "prompt": STUDENT}, certain[::-1], LABELS)
    assert all(math.isfinite(value) for figures in found.values() for value in figures.values())
