"""Put report.json together: everything that the gate, the pages and the registry know about a student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfpt.evaluation import bootstrap, calibration, mcnemar, metrics

COMPARISONS = (("student", "baseline"), ("student", "teacher"))


@dataclass(frozen=True)
class Measured:
    """One model as it was measured: probabilities (N, K) on the test images, and what the model costs."""

    probabilities: NDArray[np.float32]
    parameters: int
    latency_seconds: float
    weights_bytes: int | None = None


@dataclass(frozen=True)
class Subject:
    """What the models were measured on: the task, the test labels (N,), the slice columns (N values each)."""

    source: str
    data_hash: str
    classes: Sequence[str]
    positive: Sequence[int] | None
    labels: NDArray[np.int64]
    slices: Mapping[str, Sequence[object]]
    images: Mapping[str, int]  # by split


def assemble(
    subject: Subject, models: Mapping[str, Measured], weights_sha256: str, resamples: int, seed: int
) -> dict[str, Any]:
    """The report, in the format of :mod:`dfpt.evaluation.schema`. All intervals come from the same resamples.

    Raises:
        StepFailed: no test image, or a model whose outputs are not finite.
    """
    for name, model in models.items():
        metrics.check(model.probabilities, subject.labels, name)
    called = {name: model.probabilities.argmax(axis=1) for name, model in models.items()}
    accuracy = {name: bootstrap.accuracy(predicted, subject.labels) for name, predicted in called.items()}
    macro_f1 = {
        name: bootstrap.macro_f1(predicted, subject.labels, len(subject.classes)) for name, predicted in called.items()
    }
    statistics: dict[str, bootstrap.Statistic] = dict(accuracy)
    for one, other in COMPARISONS:
        statistics[f"{one}-{other}.accuracy"] = bootstrap.difference(accuracy[one], accuracy[other])
        statistics[f"{one}-{other}.macro_f1"] = bootstrap.difference(macro_f1[one], macro_f1[other])
    found = bootstrap.intervals(statistics, len(subject.labels), resamples, seed)
    return {
        "source": subject.source,
        "data_hash": subject.data_hash,
        "classes": list(subject.classes),
        "positive": None if subject.positive is None else list(subject.positive),
        "slices": list(subject.slices),
        "images": dict(subject.images),
        "weights_sha256": weights_sha256,
        "models": {name: _figures(model, subject, found[name]) for name, model in models.items()},
        "comparisons": {
            f"{one}-{other}": {
                figure: _difference(found[f"{one}-{other}.{figure}"]) for figure in ("accuracy", "macro_f1")
            }
            | {"paired": mcnemar.paired(called[one] == subject.labels, called[other] == subject.labels)}
            for one, other in COMPARISONS
        },
    }


def _figures(model: Measured, subject: Subject, accuracy: bootstrap.Interval) -> dict[str, Any]:
    bins = calibration.reliability(model.probabilities, subject.labels)
    return metrics.figures(model.probabilities, subject.labels, subject.positive, subject.slices) | {
        "accuracy_low": accuracy.low,
        "accuracy_high": accuracy.high,
        "ece": calibration.expected_calibration_error(bins),
        "reliability": bins,
        "parameters": model.parameters,
        "latency_seconds": model.latency_seconds,
        "weights_bytes": model.weights_bytes,
    }


def _difference(interval: bootstrap.Interval) -> dict[str, float]:
    return {"difference": interval.value, "low": interval.low, "high": interval.high}
