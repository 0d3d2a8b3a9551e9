"""Labels that may be wrong: confident learning (Northcutt et al. 2021, cleanlab) on what a simple model says.

The model is a forest of randomised trees over the direction of edges and the grey values of thumbnails: taught in
seconds, and every image is asked of a forest that has not seen it. It is meant to be right often enough to notice a
good image among the scratched ones; where it is hardly better than always answering the largest class, nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
TREES = 100
MOST = 10_000  # images looked at; of more, so many are drawn
FEWEST = 200  # images: of fewer nothing can be learnt
BETTER = 0.1  # than always answering the largest class
MARGIN = 0.5  # the suggested label is likelier than the given one by so much

_CELLS, _DIRECTIONS, _GREY = 8, 8, 8

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Suspects:
    """What was found.

    Attributes:
        looked_at: how many images.
        accuracy: share of them on which the model agrees with the label.
        suggested: row -> (suggested label, its probability, the given label's), the most suspicious first.
        why_not: why nothing was looked for, or None.
    """

    looked_at: int = 0
    accuracy: float = 0.0
    suggested: dict[int, tuple[int, float, float]] | None = None
    why_not: str | None = None


def find(thumbnails_NTT: NDArray[np.uint8], labels_N: Labels, seed: int = 0) -> Suspects:
    """The labels (indices of classes, from 0) that the images contradict."""
    chosen = np.arange(len(labels_N))
    if len(chosen) > MOST:
        chosen = np.sort(np.random.default_rng(seed).choice(len(chosen), MOST, replace=False))
    classes, labels = np.unique(labels_N[chosen], return_inverse=True)
    if len(chosen) < FEWEST or len(classes) < 2 or np.bincount(labels).min() < FOLDS:
        return Suspects(why_not=f"it takes {FEWEST} images, two classes and {FOLDS} images of each")
    probabilities = _out_of_fold(features(thumbnails_NTT[chosen]), labels, seed)
    accuracy = float((probabilities.argmax(1) == labels).mean())
    if accuracy < np.bincount(labels).max() / len(labels) + BETTER:
        return Suspects(len(chosen), accuracy, None, f"a simple model is right on {accuracy:.0%} of the images only")

    from cleanlab.filter import find_label_issues

    ranked = find_label_issues(
        labels, probabilities, return_indices_ranked_by="self_confidence", filter_by="both", n_jobs=1
    )
    suggested = {}
    for index in ranked.tolist():
        best, given = int(probabilities[index].argmax()), int(labels[index])
        likely, unlikely = float(probabilities[index, best]), float(probabilities[index, given])
        if likely - unlikely >= MARGIN:
            suggested[int(chosen[index])] = int(classes[best]), likely, unlikely
    return Suspects(len(chosen), accuracy, suggested)


def features(thumbnails_NTT: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, F): grey values of 8 x 8 fields, and for each the roots of the gradients' sizes in 8 directions (as HOG)."""
    x = thumbnails_NTT.astype(np.float32)
    side = x.shape[1] - x.shape[1] % _CELLS
    x = x[:, :side, :side]
    across, down = np.zeros_like(x), np.zeros_like(x)
    across[:, :, 1:-1] = x[:, :, 2:] - x[:, :, :-2]
    down[:, 1:-1] = x[:, 2:] - x[:, :-2]
    size = np.hypot(across, down)
    direction = (np.arctan2(down, across) % np.pi / np.pi * _DIRECTIONS).astype(np.int64) % _DIRECTIONS
    edges = [np.sqrt(_fields(np.where(direction == number, size, 0))) for number in range(_DIRECTIONS)]
    return np.concatenate([_fields(x), *edges], axis=1)


def _fields(x_NTT: NDArray[np.float32]) -> NDArray[np.float32]:
    width = x_NTT.shape[1] // _GREY
    fields: NDArray[np.float32] = x_NTT.reshape(len(x_NTT), _GREY, width, _GREY, width).mean((2, 4))
    return fields.reshape(len(x_NTT), -1)


def _out_of_fold(features_NF: NDArray[np.float32], labels_N: Labels, seed: int) -> NDArray[np.float64]:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    forest = ExtraTreesClassifier(TREES, min_samples_leaf=2, n_jobs=-1, random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    found: NDArray[np.float64] = cross_val_predict(forest, features_NF, labels_N, cv=folds, method="predict_proba")
    return found
