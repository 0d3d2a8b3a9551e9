"""The methods that are one divergence between logits: weights, warm-up, and the tables' pointers to KD."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from dfpt.distill.methods import logits
from tests.unit.distill.methods import made_up

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
STUDENT, TEACHER = made_up.answers(made_up.STUDENT, 8), made_up.answers(made_up.TEACHER, 4, seed=1)


def losses(name: str, progress: float = 1.0, **options: Any) -> dict[str, float]:
    found = made_up.method(name, **options).losses(STUDENT, TEACHER, LABELS, LABELS, progress)
    return {key: loss.item() for key, loss in found.items()}


@pytest.mark.parametrize(
    ("name", "label", "weight", "hyper"),
    [
        ("kd", 0.1, 0.9, {"temperature": 4}),
        ("takd", 0.1, 0.9, {"temperature": 4}),
        ("eskd", 0.1, 0.9, {"temperature": 4}),
        ("kd_ls", 0.1, 9, {"temperature": 2}),
        ("dkd", 1, 1, {"temperature": 4, "alpha": 1, "beta": 8}),
        ("dkd_ls", 1, 9, {"temperature": 2, "alpha": 1, "beta": 8}),
        ("dist", 1, 1, {"temperature": 4, "beta": 2, "gamma": 2}),
        ("dtkd", 1, 1, {"temperature": 4, "alpha": 3, "beta": 1}),
    ],
)
def test_the_defaults_are_the_published_ones(name: str, label: float, weight: float, hyper: dict[str, float]) -> None:
    divergence = getattr(logits, "kd" if name in ("takd", "eskd") else name)
    expected = divergence(TEACHER.logits, STUDENT.logits, LABELS, **hyper)
    found = losses(name)
    assert found["label"] == pytest.approx(label * made_up.label_loss(STUDENT.logits, LABELS).item(), rel=1e-5)
    assert found["knowledge"] == pytest.approx(weight * expected.item(), rel=1e-5)


@pytest.mark.parametrize("name", ["dkd", "dkd_ls", "dtkd"])
def test_its_divergence_warms_up_over_a_twelfth_of_the_training(name: str) -> None:
    full = losses(name)["knowledge"]
    assert losses(name, 0.0)["knowledge"] == 0
    assert losses(name, 1 / 24)["knowledge"] == pytest.approx(full / 2)
    assert losses(name, 1 / 12)["knowledge"] == full
    assert losses(name, 0.0, warm_up=0)["knowledge"] == full


@pytest.mark.parametrize("name", ["kd", "kd_ls", "dist"])
def test_the_others_are_the_same_throughout(name: str) -> None:
    assert losses(name, 0.0) == losses(name, 1.0)


def test_plain_training_is_the_cross_entropy_alone() -> None:
    assert losses("plain") == {"label": pytest.approx(made_up.label_loss(STUDENT.logits, LABELS).item())}


def test_kd_without_weight_is_plain_training() -> None:
    assert losses("kd", knowledge=0, label=1) == losses("plain") | {"knowledge": 0}
