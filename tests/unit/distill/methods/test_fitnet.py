from __future__ import annotations

from typing import Any

import pytest
import torch

from dfpt.distill.methods import NetworkShape
from dfpt.distill.methods.fitnet import Hint, hint_loss
from dfpt.errors import UsageError
from tests.unit.distill.methods import made_up

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def made(student: NetworkShape = made_up.STUDENT, teacher: NetworkShape = made_up.TEACHER, **options: Any) -> Hint:
    method = made_up.method("fitnet", student, teacher, **options)
    assert isinstance(method, Hint)
    return method


def test_it_is_the_mean_squared_difference() -> None:
    target = torch.tensor([[[[1.0, 2.0]], [[0.0, 0.0]]]])
    found = torch.tensor([[[[0.0, 2.0]], [[3.0, 0.0]]]])
    assert hint_loss(target, found).item() == 2.5


def test_its_gradient_is_that_of_finite_differences() -> None:
    target, found = (torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(hint_loss, (target, found))


@pytest.mark.parametrize("grid", [4, 8])
def test_it_is_zero_when_the_regressor_reproduces_the_teacher(grid: int) -> None:
    """Also where the student's map is the finer one: its average is what is compared."""
    student, teacher = made_up.answers(made_up.STUDENT, grid), made_up.answers(made_up.STUDENT, 8)
    method = made(teacher=made_up.STUDENT)
    with torch.no_grad():
        method.regressor.weight.copy_(torch.eye(6)[:, :, None, None])
        assert method.regressor.bias is not None
        method.regressor.bias.zero_()
        if grid == 4:
            coarse = torch.nn.functional.adaptive_avg_pool2d(teacher.maps[1], 2)
            student.maps[1].copy_(coarse)
    assert method.losses(student, teacher, LABELS, LABELS, 0)["knowledge"].item() == pytest.approx(0, abs=1e-9)
    student.maps[1].data.add_(1)
    assert method.losses(student, teacher, LABELS, LABELS, 0)["knowledge"].item() == pytest.approx(100, rel=1e-4)


@pytest.mark.parametrize(("stage", "found", "teachers"), [(None, 1, 4), (0, 0, 1), (-1, 2, 6), (2, 2, 6)])
def test_the_hint_is_at_the_middle_unless_told(stage: int | None, found: int, teachers: int) -> None:
    method = made(teacher=NetworkShape((2, 3, 4, 5, 6, 7, 8), 3), stage=stage)
    assert (method.stage, method.teacher_stage) == (found, teachers)
    assert method.regressor.out_channels == (2, 3, 4, 5, 6, 7, 8)[teachers]


@pytest.mark.parametrize(("stage", "found", "teachers"), [(None, 0, 4), (4, 1, 5), (-1, 2, 6)])
def test_stages_are_counted_with_the_frozen_ones_whose_maps_nobody_sees(
    stage: int | None, found: int, teachers: int
) -> None:
    student = NetworkShape((4, 6, 8), 3, frozen=3)
    method = made(student=student, teacher=NetworkShape((2, 3, 4, 5, 6, 7, 8), 3), stage=stage)
    assert (method.stage, method.teacher_stage) == (found, teachers)
    assert method.regressor.in_channels == student.widths[found]


def test_a_frozen_stage_takes_no_hint() -> None:
    with pytest.raises(UsageError, match="stage = 1, but the student has 6 stages, of which the first 3 are frozen"):
        made(student=NetworkShape((4, 6, 8), 3, frozen=3), stage=1)
