from __future__ import annotations

import numpy as np
import pytest

from dfpt.evaluation import calibration


def test_the_error_of_five_images_is_the_one_counted_by_hand() -> None:
    # Two bins: three images at 0.9 with two right, two images at 0.6 with one right.
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    bins = calibration.reliability(probabilities, np.array([0, 0, 1, 1, 0]))
    assert [item["images"] for item in bins] == [2, 3]
    assert [item["accuracy"] for item in bins] == pytest.approx([1 / 2, 2 / 3])
    assert [item["confidence"] for item in bins] == pytest.approx([0.6, 0.9])
    assert calibration.expected_calibration_error(bins) == pytest.approx(3 / 5 * (0.9 - 2 / 3) + 2 / 5 * (0.6 - 1 / 2))


def test_a_model_that_is_as_often_right_as_it_says_has_no_error() -> None:
    labels = np.array([0] * 8 + [1] * 2)
    bins = calibration.reliability(np.tile([0.8, 0.2], (10, 1)), labels)
    assert calibration.expected_calibration_error(bins) == pytest.approx(0, abs=1e-12)


def test_full_certainty_falls_into_the_last_bin_and_no_image_is_lost() -> None:
    bins = calibration.reliability(np.array([[1.0, 0.0], [0.5, 0.5], [0.95, 0.05]]), np.array([1, 0, 0]))
    assert [item["images"] for item in bins] == [1, 2]
    assert calibration.expected_calibration_error(bins[1:]) == pytest.approx(0.975 - 0.5)
