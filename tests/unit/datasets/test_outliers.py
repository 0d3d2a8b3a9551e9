from __future__ import annotations

import numpy as np
import pytest

from dfpt.datasets.outliers import from_its_kind, robust_z


def test_normal_values_have_their_own_z_and_an_outlier_does_not_hide_itself() -> None:
    values = np.random.default_rng(0).normal(5, 2, 20_000)
    assert robust_z(values).std() == pytest.approx(1, rel=0.02)
    with_outliers = np.concatenate([values[:100], np.full(20, 500.0)])
    assert robust_z(with_outliers)[-1] > 100
    assert abs(robust_z(with_outliers)[:100]).max() < 5


def test_equal_values_are_no_outliers_and_the_one_that_differs_from_them_is() -> None:
    assert robust_z(np.full(9, 3.0)).tolist() == [0] * 9
    assert robust_z(np.array([1.0] * 99 + [2.0]))[-1] > 6
    assert len(robust_z(np.zeros(0))) == 0


def test_a_dark_class_is_not_odd_beside_a_bright_one_but_an_image_unlike_both_is() -> None:
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(40, 2, 60), random.normal(180, 2, 65), [110.0, 255.0]])
    classes = ["dark"] * 60 + ["bright"] * 66 + ["dark"]
    assert (np.abs(robust_z(values)[:60]) > 6).all(), "among all of them the whole class would be"
    z = from_its_kind(values, classes)
    assert np.abs(z[:125]).max() < 6
    assert z[125] < -6 < 6 < z[126]


def test_a_class_of_few_images_is_judged_among_all() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(40, 2, 60), np.full(9, 200.0)])
    assert (from_its_kind(values, ["a"] * 60 + ["b"] * 9)[60:] > 6).all()
