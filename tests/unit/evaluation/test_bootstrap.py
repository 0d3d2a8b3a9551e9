from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from dfpt.evaluation import bootstrap

RNG = np.random.default_rng(7)
LABELS = RNG.integers(4, size=300)
ONE = np.where(RNG.random(300) < 0.8, LABELS, (LABELS + 1) % 4)
OTHER = np.where(RNG.random(300) < 0.6, LABELS, (LABELS + 2) % 4)


def compare(one: np.ndarray, other: np.ndarray, seed: int = 0, resamples: int = 2000) -> bootstrap.Interval:
    statistic = bootstrap.difference(bootstrap.accuracy(one, LABELS), bootstrap.accuracy(other, LABELS))
    return bootstrap.intervals({"difference": statistic}, len(LABELS), resamples, seed)["difference"]


def test_a_model_against_itself_differs_by_exactly_nothing() -> None:
    assert compare(ONE, ONE) == (0.0, 0.0, 0.0)


def test_pairing_counts_only_the_images_on_which_the_models_differ() -> None:
    almost = ONE.copy()
    almost[np.flatnonzero(ONE == LABELS)[:3]] += 1
    found = compare(ONE, almost)
    assert found.value == pytest.approx(0.01)
    assert 0 <= found.low < found.value < found.high <= 0.03  # unpaired, it would reach from -0.05 to 0.07


def test_the_interval_of_an_accuracy_is_the_binomial_one() -> None:
    found = bootstrap.intervals({"a": bootstrap.accuracy(ONE, LABELS)}, 300, 4000, seed=1)["a"]
    error = np.sqrt(found.value * (1 - found.value) / 300)
    assert found.value == np.mean(ONE == LABELS)
    assert found.low == pytest.approx(found.value - 1.96 * error, abs=0.01)
    assert found.high == pytest.approx(found.value + 1.96 * error, abs=0.01)


def test_macro_f1_of_a_resample_is_scikit_learns_on_the_images_drawn() -> None:
    drawn = RNG.integers(300, size=300)
    weights = np.bincount(drawn, minlength=300)[None].astype(float)
    found = bootstrap.macro_f1(ONE, LABELS, classes=6)(weights)[0]  # classes 4 and 5 never occur
    assert found == pytest.approx(f1_score(LABELS[drawn], ONE[drawn], average="macro"), abs=1e-12)


def test_the_same_seed_gives_the_same_interval_and_another_one_does_not() -> None:
    assert compare(ONE, OTHER, seed=3) == compare(ONE, OTHER, seed=3) != compare(ONE, OTHER, seed=4)


def test_resamples_are_drawn_in_pieces_that_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def statistic(weights: np.ndarray) -> np.ndarray:
        sizes.append(weights.shape)
        return weights.sum(axis=1)

    monkeypatch.setattr(bootstrap, "_DRAWN_AT_ONCE", 1000)
    found = bootstrap.intervals({"n": statistic}, images=300, resamples=8, seed=0)["n"]
    assert sizes == [(3, 300), (3, 300), (2, 300), (1, 300)]
    assert found == (300, 300, 300)
