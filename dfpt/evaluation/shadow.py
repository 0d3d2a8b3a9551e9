"""A candidate beside the model in production, on the same new images: what would change if it took over?

Most of it needs no labels, which a line does not give at once: on how many images the two agree, how sure each is, how
often each calls which class. Where the images have labels of the same classes, the paired difference is there too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfpt.evaluation import bootstrap, mcnemar

RESAMPLES = 2000
SHOWN = 12  # images on which the two differ


@dataclass(frozen=True)
class Asked:
    """One model's answers.

    Attributes:
        model: NAME/VERSION.
        probabilities: (N, K).
        latency_seconds: of one image on one core.
    """

    model: str
    weights_sha256: str
    probabilities: NDArray[np.float32]
    latency_seconds: float


def compare(
    candidate: Asked, champion: Asked, classes: Sequence[str], labels: NDArray[np.int64] | None, seed: int = 0
) -> dict[str, Any]:
    """The figures of ``shadow.json``; rates and differences are fractions, intervals hold 95 %.

    Args:
        labels: (N,), -1 where an image has none; None where none has.
    """
    pair = {"candidate": candidate, "champion": champion}
    called = {name: asked.probabilities.argmax(axis=1) for name, asked in pair.items()}
    sure = {name: asked.probabilities.max(axis=1).astype(np.float64) for name, asked in pair.items()}
    images = len(called["candidate"])
    same = called["candidate"] == called["champion"]
    found = bootstrap.intervals(
        {"agreement": _mean(same.astype(np.float64)), "confidence": _mean(sure["candidate"] - sure["champion"])},
        images,
        RESAMPLES,
        seed,
    )
    return {
        "images": images,
        "classes": list(classes),
        "agreement": _interval(found["agreement"]),
        "confidence_shift": _interval(found["confidence"]),
        "models": {
            name: {
                "model": asked.model,
                "weights_sha256": asked.weights_sha256,
                "confidence": float(sure[name].mean()),
                "called": np.bincount(called[name], minlength=len(classes)).tolist(),
                "latency_seconds": asked.latency_seconds,
            }
            for name, asked in pair.items()
        },
        "labelled": None if labels is None else _against_labels(called, labels, seed),
    }


def _against_labels(
    called: Mapping[str, NDArray[np.int64]], labels: NDArray[np.int64], seed: int
) -> dict[str, Any] | None:
    known = labels >= 0
    if not known.any():
        return None
    hits = {name: (answers == labels)[known] for name, answers in called.items()}
    statistics = {name: _mean(right.astype(np.float64)) for name, right in hits.items()}
    statistics["difference"] = bootstrap.difference(statistics["candidate"], statistics["champion"])
    found = bootstrap.intervals(statistics, int(known.sum()), RESAMPLES, seed)
    return {
        "images": int(known.sum()),
        "accuracy": {name: _interval(found[name]) for name in hits},
        "difference": _interval(found["difference"]),
        "paired": mcnemar.paired(hits["candidate"], hits["champion"]),
    }


def disagreements(candidate: Asked, champion: Asked, labels: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Indices of at most SHOWN images on which the two differ: those with a label first, then the surest."""
    called = [asked.probabilities.argmax(axis=1) for asked in (candidate, champion)]
    sure = candidate.probabilities.max(axis=1) + champion.probabilities.max(axis=1)
    differ = np.flatnonzero(called[0] != called[1])
    unlabelled = np.zeros(len(differ), bool) if labels is None else labels[differ] < 0
    return differ[np.lexsort((-sure[differ], unlabelled))][:SHOWN]


def page(report: Mapping[str, Any], examples: Sequence[Mapping[str, Any]]) -> str:
    """shadow.html.

    Args:
        examples: of the images on which the two differ: ``id``, ``label``, ``candidate``, ``champion``, ``image``.
    """
    from dfpt.evaluation import page as pages

    return pages.environment().get_template("shadow.html").render(report=report, examples=examples)


def sentence(report: Mapping[str, Any]) -> str:
    """What the log says of a comparison."""
    agreement, labelled = report["agreement"], report["labelled"]
    said = (
        f"agrees with {report['models']['champion']['model']} on {100 * agreement['value']:.1f} % of "
        f"{report['images']} images of {report['source']}"
    )
    if labelled is None:
        return said
    gain = labelled["difference"]
    return (
        f"{said}; on {labelled['images']} labelled ones {100 * gain['value']:+.1f} points "
        f"({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
    )


def _mean(values: NDArray[np.float64]) -> bootstrap.Statistic:
    return lambda weights: weights @ values / weights.sum(axis=1)


def _interval(found: bootstrap.Interval) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}
