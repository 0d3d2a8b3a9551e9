from __future__ import annotations

import numpy as np
import pytest

from dfpt.datasets.drift import effects


def test_the_shift_is_in_the_references_standard_deviations() -> None:
    reference = np.array([0.0, 2.0, 4.0])
    assert effects.shift(reference, np.array([6.0])) == pytest.approx(4 / reference.std())
    assert effects.shift(np.ones(3), np.zeros(2)) is None


def test_the_stability_index_is_the_sum_over_the_deciles() -> None:
    reference = np.arange(1000.0)
    assert effects.stability_index(reference, reference) == pytest.approx(0)
    upper = reference[500:]  # of ten bins five are empty
    before, now = np.full(10, 100.5), np.array([0.5] * 5 + [100.5] * 5)
    before, now = before / before.sum(), now / now.sum()
    expected = ((now - before) * np.log(now / before)).sum()
    assert effects.stability_index(reference, upper) == pytest.approx(expected, rel=0.02)


def test_a_reference_that_does_not_vary_has_an_index_too() -> None:
    assert effects.stability_index(np.ones(50), np.ones(50)) == pytest.approx(0)
    assert effects.stability_index(np.ones(50), np.zeros(50)) > 1
    assert effects.stability_index(np.ones(50), np.full(50, 2.0)) > 1


def test_histograms_hold_every_image_outliers_included() -> None:
    values = np.append(np.random.default_rng(0).normal(size=500), 1e6)
    found = effects.histogram(values, values[:100])
    assert sum(found["reference"]) == pytest.approx(1)
    assert sum(found["current"]) == pytest.approx(1)
    assert found["high"] < 10
    assert effects.histogram(np.ones(5), np.ones(5))["reference"][0] == 1
