from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from dfpt.distill.methods import NetworkShape
from dfpt.distill.methods.at import AttentionTransfer, attention, attention_loss
from dfpt.distill.methods.stages import partner
from tests.unit.distill.methods import made_up

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def test_attention_is_the_channels_energy_of_each_place_as_a_unit_vector() -> None:
    features = torch.tensor([[[[3.0, 0.0]], [[1.0, 0.0]]], [[[1.0, 2.0]], [[1.0, 2.0]]]])
    # energies (5, 0) and (1, 4)
    expected = torch.tensor([[1.0, 0.0], [1 / 17**0.5, 4 / 17**0.5]])
    torch.testing.assert_close(attention(features), expected)


def test_it_is_the_hand_computed_figure() -> None:
    target, found = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 5.0]]]])
    assert attention_loss(target, found).item() == 1  # (1 - 0)^2 and (0 - 1)^2, the mean over places


def test_maps_that_differ_by_a_scale_a_sign_or_the_number_of_channels_attend_to_the_same() -> None:
    target = torch.randn(3, 4, 5, 5)
    assert attention_loss(target, -7 * target).item() == pytest.approx(0, abs=1e-12)
    assert attention_loss(target, target.repeat(1, 2, 1, 1)).item() == pytest.approx(0, abs=1e-12)
    assert attention_loss(target, target.flip(3)) > 1e-4


def test_the_finer_map_is_averaged_to_the_coarser_grid() -> None:
    fine, coarse = torch.rand(2, 3, 8, 8), torch.rand(2, 5, 4, 4)
    expected = attention_loss(F.avg_pool2d(fine, 2), coarse)
    assert attention_loss(fine, coarse).item() == pytest.approx(expected.item())
    assert attention_loss(coarse, fine).item() == pytest.approx(expected.item())


def test_its_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    target, found = (torch.randn(2, 3, size, size, dtype=torch.float64, requires_grad=True) for size in (2, 4))
    assert torch.autograd.gradcheck(attention_loss, (target, found))


def test_a_map_that_is_zero_everywhere_gives_a_finite_gradient() -> None:
    found = torch.zeros(1, 2, 2, 2, requires_grad=True)
    attention_loss(torch.rand(1, 2, 2, 2), found).backward()
    assert found.grad is not None
    assert found.grad.isfinite().all()


def test_the_method_sums_over_the_stages() -> None:
    student, teacher = made_up.answers(made_up.STUDENT, 8), made_up.answers(made_up.TEACHER, 4, seed=1)
    expected = sum(attention_loss(t, s).item() for t, s in zip(teacher.maps, student.maps, strict=True))
    found = made_up.method("at").losses(student, teacher, LABELS, LABELS, 0)["knowledge"]
    assert found.item() == pytest.approx(1000 * expected, rel=1e-5)


@pytest.mark.parametrize(
    ("student", "teacher", "partners"),
    [(3, 3, [0, 1, 2]), (3, 7, [1, 4, 6]), (3, 4, [0, 2, 3]), (4, 3, [0, 1, 1, 2]), (7, 3, [0, 0, 0, 1, 1, 2, 2])],
)
def test_stages_answer_to_those_of_the_same_relative_depth_the_last_to_the_last(
    student: int, teacher: int, partners: list[int]
) -> None:
    assert [partner(stage, student, teacher) for stage in range(student)] == partners


def test_networks_of_unequal_depth_are_compared_at_every_stage_of_the_student() -> None:
    deep = NetworkShape((2, 3, 4, 5, 6, 7, 8), made_up.CLASSES)
    method = made_up.method("at", teacher=deep)
    assert isinstance(method, AttentionTransfer)
    assert method.pairs == [(0, 1), (1, 4), (2, 6)]
    behind_frozen = made_up.method("at", student=NetworkShape((6, 8), made_up.CLASSES, frozen=1), teacher=deep)
    assert isinstance(behind_frozen, AttentionTransfer)
    assert behind_frozen.pairs == [(0, 4), (1, 6)]
    losses = method.losses(made_up.answers(made_up.STUDENT, 8), made_up.answers(deep, 8), LABELS, LABELS, 0)
    assert losses["knowledge"] > 0
