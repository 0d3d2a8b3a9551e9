from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from dfpt.errors import StepFailed
from dfpt.evaluation import metrics

# Four images of the classes sound, crack, stain; the last one is a crack that no single class wins for.
PROBABILITIES = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.6, 0.1, 0.3], [0.4, 0.3, 0.3]])
LABELS = np.array([0, 1, 2, 1])


def test_the_figures_of_four_images_are_those_counted_by_hand() -> None:
    found = metrics.figures(PROBABILITIES, LABELS, positive=[1, 2])
    assert found["accuracy"] == 0.5
    assert found["confusion"] == [[1, 0, 0], [1, 1, 0], [1, 0, 0]]
    assert found["macro_f1"] == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert found["binary_accuracy"] == 0.75
    assert found["defect_recall"] == pytest.approx(2 / 3)


def test_defective_is_judged_by_the_sum_of_the_positive_classes_not_by_the_largest_class() -> None:
    assert metrics.binary(PROBABILITIES[3:], LABELS[3:], [1, 2])["binary_accuracy"] == 1.0
    assert PROBABILITIES[3].argmax() == 0


def test_macro_f1_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    probabilities, labels = rng.dirichlet(np.ones(5), 300), rng.integers(5, size=300)
    expected = f1_score(labels, probabilities.argmax(axis=1), average="macro")
    assert metrics.figures(probabilities, labels)["macro_f1"] == pytest.approx(expected, abs=1e-12)


def test_the_worst_slice_is_the_lowest_and_empty_values_are_no_slice() -> None:
    found = metrics.figures(PROBABILITIES, LABELS, slices={"wafer": ["mono", "mono", "poly", None]})
    assert found["slices"] == {
        "wafer=mono": {"accuracy": 1.0, "images": 2},
        "wafer=poly": {"accuracy": 0.0, "images": 1},
    }
    assert found["worst_slice"] == 0.0


def test_figures_that_the_task_does_not_have_are_left_out() -> None:
    assert set(metrics.figures(PROBABILITIES, LABELS)) == {"accuracy", "macro_f1", "confusion"}
    assert "defect_recall" not in metrics.figures(PROBABILITIES[:1], LABELS[:1], positive=[1])
    assert "worst_slice" not in metrics.figures(PROBABILITIES[:1], LABELS[:1], slices={"wafer": [None]})


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_output_that_is_not_finite_is_no_answer(bad: float) -> None:
    with pytest.raises(StepFailed, match="not finite"):
        metrics.figures(np.full((4, 3), bad), LABELS)


def test_no_images_give_no_figures() -> None:
    with pytest.raises(StepFailed, match="0 labels"):
        metrics.figures(np.zeros((0, 3)), np.zeros(0, int))
