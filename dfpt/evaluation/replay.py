"""Ask a candidate and the model in production about the same images, for as long as there is time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfpt.context import Reporter
from dfpt.datasets.sample import Sample
from dfpt.errors import UsageError
from dfpt.evaluation import differences, shadow
from dfpt.evaluation.exported import Exported

_PIECE = 64  # images between two looks at the clock
_LATENCY_RUNS = 50


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        model: NAME/VERSION.
        artifact: its registered files, verified.
    """

    model: str
    weights_sha256: str
    artifact: Path


def replay(
    candidate: Side, champion: Side, sample: Sample, seconds: float | None, reporter: Reporter
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The content of ``shadow.json``, and the images on which the two differ, for its page.

    Args:
        seconds: after so long no more images are asked about; None: all of them.

    Raises:
        UsageError: the two answer with other classes, or one with something that is no number.
    """
    sides = (candidate, champion)
    models = [Exported(side.artifact) for side in sides]
    classes = models[1].classes
    if models[0].classes != classes:
        raise UsageError(
            f"{candidate.model} answers with other classes ({', '.join(models[0].classes)}) than {champion.model} "
            f"({', '.join(classes)}).",
            "They cannot be compared.",
        )
    order = np.random.default_rng(0).permutation(len(sample.rows))  # so that a stop leaves a fair draw
    answers, done = _ask(models, sample, order, seconds, reporter)
    one_image = np.asarray(sample.images[sample.rows[:1]])
    asked = [
        shadow.Asked(side.model, side.weights_sha256, said, model.latency_seconds(one_image, _LATENCY_RUNS))
        for side, said, model in zip(sides, answers, models, strict=True)
    ]
    labels = _labels(sample, classes, order[:done])
    report = shadow.compare(asked[0], asked[1], classes, labels) | {
        "source": sample.task.source,
        "data_hash": sample.task.data_hash,
        "available": len(sample.rows),
        "complete": done == len(sample.rows),
    }
    chosen = shadow.disagreements(asked[0], asked[1], labels)
    return report, [_example(sample, int(order[index]), int(index), asked, labels, classes) for index in chosen]


def _ask(
    models: list[Exported], sample: Sample, order: NDArray[np.int64], seconds: float | None, reporter: Reporter
) -> tuple[list[NDArray[np.float32]], int]:
    """Each model's probabilities, and of how many images: at least one piece, whatever the time."""
    started, done = time.monotonic(), 0
    parts: list[list[NDArray[np.float32]]] = [[] for _ in models]
    while done < len(order) and (done == 0 or seconds is None or time.monotonic() - started < seconds):
        piece = np.asarray(sample.images[sample.rows[order[done : done + _PIECE]]])
        for model, found in zip(models, parts, strict=True):
            found.append(model.answer(piece))
        done += len(piece)
        reporter.progress(done, len(order), "images compared")
    return [np.concatenate(found) for found in parts], done


def _labels(sample: Sample, classes: tuple[str, ...], order: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """(N,) indices into the models' classes, -1 where an image has another label; None where no class fits."""
    index = {name: number for number, name in enumerate(classes)}
    found = np.array([index.get(sample.labels[row], -1) for row in order], np.int64)
    return found if (found >= 0).any() else None


def _example(
    sample: Sample,
    row: int,
    index: int,
    asked: list[shadow.Asked],
    labels: NDArray[np.int64] | None,
    classes: tuple[str, ...],
) -> dict[str, Any]:
    from dfpt.datasets.contact_sheet import data_uri

    candidate, champion = (differences.answer(one.probabilities[index], classes) for one in asked)
    return {
        "id": sample.paths[row],
        "label": None if labels is None or labels[index] < 0 else classes[int(labels[index])],
        "candidate": candidate,
        "champion": champion,
        "image": data_uri(np.asarray(sample.images[sample.rows[row]])),
    }
