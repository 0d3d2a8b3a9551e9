from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dfpt.evaluation import mcnemar

counts = st.integers(min_value=0, max_value=400)


@given(counts, counts)
def test_it_is_the_exact_binomial_test(one: int, other: int) -> None:
    worse = stats.binom.cdf(one, one + other, 0.5)
    assert mcnemar.p_worse(one, other) == pytest.approx(worse, rel=1e-9)
    if one + other:
        two_sided = stats.binomtest(one, one + other, 0.5).pvalue
        assert mcnemar.p_different(one, other) == pytest.approx(two_sided, rel=1e-9)


def test_models_that_agree_on_every_image_are_not_different() -> None:
    hits = np.array([True, False, True])
    assert mcnemar.paired(hits, hits) == {"only_one": 0, "only_other": 0, "p_value": 1}


def test_only_images_count_on_which_one_alone_is_right() -> None:
    one, other = np.array([1, 1, 1, 0, 0], bool), np.array([0, 0, 1, 1, 0], bool)
    found = mcnemar.paired(one, other)
    assert (found["only_one"], found["only_other"], found["p_value"]) == (2, 1, 1)
    assert mcnemar.p_worse(0, 5) == 1 / 32


def test_many_images_are_counted_exactly_and_at_once() -> None:
    assert mcnemar.p_worse(5000, 5000) == pytest.approx(0.5 + 0.5 * stats.binom.pmf(5000, 10_000, 0.5))
    assert mcnemar.p_worse(0, 20_000) == 0
