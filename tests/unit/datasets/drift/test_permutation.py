"""The statistics are those of the textbook in every deal, and the p-values keep their level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dfpt.datasets.drift import permutation


def random_of(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_every_deal_has_as_many_current_images_and_the_first_is_as_seen() -> None:
    deals = permutation.deal(5, 12, 50, random_of(0))
    assert deals.shape == (51, 17)
    assert (deals.sum(1) == 5).all()
    assert deals[0].tolist() == [True] * 5 + [False] * 12
    assert len(np.unique(deals, axis=0)) > 40


@pytest.mark.parametrize("digits", [1, 8], ids=["with ties", "without"])
def test_distances_are_those_of_scipy(digits: int) -> None:
    values = random_of(1).normal(size=(60, 3)).round(digits)
    deals = permutation.deal(20, 40, 5, random_of(2))
    found = permutation.kolmogorov_smirnov(values, deals)
    for deal, row in zip(deals, found, strict=True):
        expected = [stats.ks_2samp(column[deal], column[~deal]).statistic for column in values.T]
        np.testing.assert_allclose(row, expected)


@pytest.mark.parametrize("images", [40, 700], ids=["one block", "two blocks"])
def test_the_discrepancy_is_that_of_its_definition(images: int) -> None:
    values = random_of(3).normal(size=(images, 2)) * [1, 50] + [0, 7]
    deals = permutation.deal(images // 3, images - images // 3, 2, random_of(4))
    found, witness = permutation.mean_discrepancy(values, deals)
    x = (values - values.mean(0)) / values.std(0)
    squared = ((x[:, None] - x[None]) ** 2).sum(2)
    kernel = np.exp(-squared / np.median(squared[np.triu_indices(images, 1)]))
    for deal, discrepancy in zip(deals, found, strict=True):
        within = kernel[np.ix_(deal, deal)].mean() + kernel[np.ix_(~deal, ~deal)].mean()
        assert discrepancy == pytest.approx(within - 2 * kernel[np.ix_(deal, ~deal)].mean(), abs=1e-5)
    seen = deals[0]
    np.testing.assert_allclose(witness, kernel[:, seen].mean(1) - kernel[:, ~seen].mean(1), atol=1e-4)


def test_columns_that_do_not_vary_do_no_harm() -> None:
    deals = permutation.deal(10, 10, 9, random_of(5))
    values = np.ones((20, 2))
    assert np.isfinite(permutation.mean_discrepancy(values, deals)[0]).all()
    assert (permutation.kolmogorov_smirnov(values, deals) == 0).all()


def test_a_p_value_is_the_share_of_deals_that_are_as_extreme() -> None:
    np.testing.assert_allclose(permutation.p_values(np.array([3.0, 1.0, 2.0, 3.0])), [0.5, 1.0, 0.75, 0.5])


def test_one_test_combined_is_that_test_and_two_are_no_surer_for_being_two() -> None:
    statistic = random_of(6).normal(size=200)
    assert permutation.combined([statistic]) == pytest.approx(permutation.p_values(statistic)[0])
    other = random_of(7).normal(size=200)
    p_values = []
    for seen in range(200):
        rolled = [np.roll(values, -seen) for values in (statistic, other)]
        p_values.append(permutation.combined(rolled))
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05
    assert np.mean(np.array(p_values) <= 0.5) == pytest.approx(0.5, abs=0.02)
