from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dfpt import corruption
from dfpt.evaluation import report

IMAGES = 200


def answers(labels: NDArray[np.int64], right: int) -> NDArray[np.float32]:
    """Probabilities (N, 4) of a model that is right on the first ``right`` images and one class off on the others."""
    called = np.where(np.arange(len(labels)) < right, labels, (labels + 1) % 4)
    probabilities = np.full((len(labels), 4), 0.05, np.float32)
    probabilities[np.arange(len(labels)), called] = 0.85
    return probabilities


@pytest.fixture(scope="session")
def good_report() -> dict[str, Any]:
    """A whole report: 200 images of 4 classes; teacher 95 %, baseline 80 %, student 90 %. Copy it to change it."""
    labels = np.arange(IMAGES) % 4
    subject = report.Subject(
        source="made-up",
        data_hash="d" * 64,
        classes=["mono-sound", "mono-defect", "poly-sound", "poly-defect"],
        positive=[1, 3],
        labels=labels,
        slices={"wafer": ["mono" if label < 2 else "poly" for label in labels]},
        images={"train": 500, "val": 100, "test": IMAGES},
    )
    models = {
        "teacher": report.Measured(answers(labels, 190), 3_400_000, 0.021, 13_700_000),
        "baseline": report.Measured(answers(labels, 160), 160_000, 0.0011, 650_000),
        "student": report.Measured(answers(labels, 180), 160_000, 0.0011, 650_000),
    }
    found = report.assemble(subject, models, "a" * 64, resamples=500, seed=0)
    return found | {"robustness": made_up_robustness()}


def made_up_robustness() -> dict[str, Any]:
    """Of 100 images: every strength costs the teacher 4, the baseline 8, the student 6 of them."""
    clean = {"teacher": 0.95, "baseline": 0.8, "student": 0.9}
    cost = {"teacher": 4, "baseline": 8, "student": 6}
    corrupted = {
        kind: {
            str(strength): {"value": values[strength - 1]}
            | {name: round(100 * rate - strength * cost[name]) / 100 for name, rate in clean.items()}
            for strength in corruption.STRENGTHS
        }
        for kind, values in corruption.SUITE.items()
    }
    mean = {name: corruption.mean(corrupted, name) for name in clean}
    return {"images": 100, "clean": clean, "corrupted": corrupted, "mean": mean}
