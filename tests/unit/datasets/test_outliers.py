from __future__ import annotations

import numpy as np
import pytest

from dfpt.datasets.outliers import robust_z


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
