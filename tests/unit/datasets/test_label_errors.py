from __future__ import annotations

import numpy as np
import pytest

from dfpt.datasets import label_errors


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    found = load_digits()
    grown = np.kron(found.images, np.ones((1, 4, 4))) * 255 / 16
    return grown[:600].astype(np.uint8), found.target[:600].astype(np.int64)


def test_swapped_labels_are_found_with_the_right_suggestion(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, right = digits
    wrong = right.copy()
    swapped = np.random.default_rng(0).choice(len(right), 18, replace=False)
    wrong[swapped] = (right[swapped] + 3) % 10
    found = label_errors.find(images, wrong)
    assert found.suggested is not None
    assert found.accuracy > 0.85
    assert len(set(found.suggested) & set(swapped.tolist())) >= 5
    assert len(set(found.suggested) - set(swapped.tolist())) <= 2
    assert sum(found.suggested[row][0] == right[row] for row in found.suggested) >= len(found.suggested) - 2
    assert all(likely - given >= label_errors.MARGIN for _, likely, given in found.suggested.values())


def test_labels_that_the_images_say_nothing_of_are_not_judged(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    found = label_errors.find(images, np.random.default_rng(0).permutation(labels))
    assert found.suggested is None
    assert "right on" in str(found.why_not)


@pytest.mark.parametrize(("count", "classes"), [(150, 10), (600, 1)])
def test_too_few_images_or_classes_are_not_judged(
    digits: tuple[np.ndarray, np.ndarray], count: int, classes: int
) -> None:
    images, labels = digits
    found = label_errors.find(images[:count], labels[:count] % classes)
    assert (found.suggested, found.looked_at) == (None, 0)
    assert "it takes 200 images" in str(found.why_not)
