from __future__ import annotations

import numpy as np
import pytest

from dfpt.datasets.drift import answers


def test_answers_are_confidence_entropy_and_the_probability_of_a_defect() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [1 / 3, 1 / 3, 1 / 3]])).astype(np.float32) + 1000
    found = answers.describe(logits, positive=(1, 2))
    entropy = -(0.7 * np.log(0.7) + 0.2 * np.log(0.2) + 0.1 * np.log(0.1)) / np.log(3)
    np.testing.assert_allclose(found, [[0.7, entropy, 0.3], [1 / 3, 1, 2 / 3]], rtol=1e-3)
    assert found.shape[1] == len(answers.names((1, 2)))


@pytest.mark.parametrize("positive", [None, ()])
def test_without_defective_classes_there_is_no_such_column(positive: tuple[int, ...] | None) -> None:
    assert answers.describe(np.zeros((4, 3), np.float32), positive).shape == (4, len(answers.names(positive))) == (4, 2)


def test_components_are_uncorrelated_and_the_largest_comes_first() -> None:
    random = np.random.default_rng(0)
    mixed = (random.normal(size=(300, 12)) * np.arange(1, 13)) @ random.normal(size=(12, 12))
    found = answers.components(mixed)
    covariance = found.T @ found
    assert found.shape == (300, answers.COMPONENTS)
    assert (np.diff(np.diag(covariance)) < 0).all()
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-6 * covariance.max())


def test_directions_that_do_not_vary_are_left_out() -> None:
    embedding = np.random.default_rng(0).normal(size=(50, 2)) @ np.random.default_rng(1).normal(size=(2, 6))
    assert answers.components(embedding).shape == (50, 2)
    assert answers.components(np.ones((50, 6))).shape == (50, 0)
