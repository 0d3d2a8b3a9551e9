from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from dfpt.distill.methods import logits
from dfpt.distill.methods.ctkd import CurriculumTemperature, reversed_gradient
from tests.unit.distill.methods import made_up

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
STUDENT, TEACHER = made_up.answers(made_up.STUDENT, 8), made_up.answers(made_up.TEACHER, 4, seed=1)
INITIAL = 1 + 20 / (1 + math.exp(-1))  # 15.6


def made() -> CurriculumTemperature:
    method = made_up.method("ctkd")
    assert isinstance(method, CurriculumTemperature)
    return method


def test_at_first_it_is_kd_at_its_initial_temperature_which_stays() -> None:
    method = made()
    losses = method.losses(STUDENT, TEACHER, LABELS, LABELS, 0.0)
    expected = logits.kd(TEACHER.logits, STUDENT.logits, LABELS, temperature=INITIAL)
    assert losses["knowledge"].item() == pytest.approx(0.9 * expected.item(), rel=1e-4)
    losses["knowledge"].backward()
    assert method.raw.grad == 0


def test_a_step_down_the_gradient_raises_the_loss() -> None:
    method = made()
    before = method.losses(STUDENT, TEACHER, LABELS, LABELS, 1.0)["knowledge"]
    before.backward()
    torch.optim.SGD(method.parameters(), lr=0.5).step()
    assert method.losses(STUDENT, TEACHER, LABELS, LABELS, 1.0)["knowledge"] > before


@pytest.mark.parametrize(("progress", "strength"), [(0.0, 0.0), (5 / 240, 0.5), (10 / 240, 1.0), (1.0, 1.0)])
def test_the_reversal_rises_over_the_first_twenty_fourth_of_the_training(progress: float, strength: float) -> None:
    method = made()
    method.temperature(progress).backward()
    sigmoid = 1 / (1 + math.exp(-1))
    assert method.temperature(progress).item() == pytest.approx(INITIAL)
    assert method.raw.grad is not None
    assert method.raw.grad.item() == pytest.approx(-strength * 20 * sigmoid * (1 - sigmoid), abs=1e-6)


def test_the_temperature_stays_within_its_span() -> None:
    method = made()
    for raw, expected in ((-50.0, 1.0), (50.0, 21.0)):
        with torch.no_grad():
            method.raw.fill_(raw)
        assert method.temperature(1.0).item() == pytest.approx(expected)


def test_reversal_changes_no_value_and_scales_the_gradient_by_minus_its_strength() -> None:
    x = torch.tensor([0.1, -3.7], requires_grad=True)
    found = reversed_gradient(x, 0.3)
    assert torch.equal(found, x)
    (found * torch.tensor([1.0, 2.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == pytest.approx([-0.3, -0.6])


def test_the_students_gradient_is_right() -> None:
    method = made().double()
    teacher = replace(TEACHER, logits=TEACHER.logits.double())

    def knowledge(logits_BK: torch.Tensor) -> torch.Tensor:
        return method.losses(replace(STUDENT, logits=logits_BK), teacher, LABELS, LABELS, 0.5)["knowledge"]

    assert torch.autograd.gradcheck(knowledge, STUDENT.logits.detach().double().requires_grad_())
