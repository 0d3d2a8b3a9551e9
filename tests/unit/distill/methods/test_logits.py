"""Expected figures: worked out with numpy from the papers' formulas, for the logits below."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from dfpt.distill.divergence import divergence
from dfpt.distill.methods import logits

TARGET = torch.tensor([[2.0, 1.0, -1.0], [0.5, 3.0, 0.0], [-1.0, 0.0, 1.5]], dtype=torch.float64)
FOUND = torch.tensor([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.5, -0.5, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2])

Divergence = Callable[[Tensor, Tensor, Tensor], Tensor]
ALL: dict[str, Divergence] = {
    "kd": partial(logits.kd, temperature=2.0),
    "kd_ls": partial(logits.kd_ls, temperature=2.0),
    "dkd": partial(logits.dkd, temperature=2.0, alpha=1.0, beta=8.0),
    "dkd_ls": partial(logits.dkd_ls, temperature=2.0, alpha=1.0, beta=8.0),
    "dist": partial(logits.dist, temperature=4.0, beta=2.0, gamma=2.0),
    "dtkd": partial(logits.dtkd, temperature=4.0, alpha=3.0, beta=1.0),
}
each = pytest.mark.parametrize("name", ALL)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kd", 0.4205170),
        ("kd_ls", 0.3327894),
        ("dkd", 2.6341915),
        ("dkd_ls", 3.2997420),
        ("dist", 29.1643416),
        ("dtkd", 1.3104571),
    ],
)
def test_it_is_the_figure_worked_out_from_the_papers_formula(name: str, expected: float) -> None:
    assert ALL[name](TARGET, FOUND, LABELS).item() == pytest.approx(expected, rel=1e-5)


@each
def test_equal_logits_are_at_no_distance(name: str) -> None:
    assert ALL[name](TARGET, TARGET, LABELS).item() == pytest.approx(0, abs=1e-6)
    assert ALL[name](TARGET, FOUND, LABELS) > 0.1


@each
def test_it_is_blind_to_a_constant_added_to_an_images_logits(name: str) -> None:
    shifted = TARGET + torch.tensor([[5.0], [-7.0], [0.0]]), FOUND + torch.tensor([[-3.0], [1.0], [2.0]])
    assert ALL[name](*shifted, LABELS).item() == pytest.approx(ALL[name](TARGET, FOUND, LABELS).item(), rel=1e-4)


@pytest.mark.parametrize("name", ["kd_ls", "dkd_ls"])
def test_standardised_it_is_blind_to_a_positive_scale_too(name: str) -> None:
    scale = torch.tensor([[5.0], [0.1], [2.0]])
    expected = ALL[name](TARGET, FOUND, LABELS).item()
    assert ALL[name](TARGET * scale, FOUND * 3, LABELS).item() == pytest.approx(expected, rel=1e-5)
    assert ALL[name](TARGET, scale * TARGET + 2, LABELS).item() == pytest.approx(0, abs=1e-6)
    assert ALL[name](TARGET, -TARGET, LABELS) > 1


@each
def test_its_gradient_in_both_arguments_is_that_of_finite_differences(name: str) -> None:
    torch.manual_seed(0)
    target, found = (torch.randn(4, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    labels = torch.tensor([0, 4, 2, 2])
    assert torch.autograd.gradcheck(lambda t, z: ALL[name](t, z, labels), (target, found))


@each
def test_half_types_are_widened_before_anything_is_computed(name: str) -> None:
    target, found = TARGET.bfloat16(), FOUND.bfloat16()
    loss = ALL[name](target, found, LABELS)
    assert loss.dtype == torch.float32
    assert loss == ALL[name](target.float(), found.float(), LABELS)


@each
def test_a_student_without_any_opinion_gets_a_finite_gradient(name: str) -> None:
    found = torch.zeros(3, 3, requires_grad=True)
    ALL[name](TARGET.float(), found, LABELS).backward()
    assert found.grad is not None
    assert found.grad.isfinite().all()


@each
def test_very_sure_networks_give_a_finite_loss_and_gradient(name: str) -> None:
    found = torch.tensor([[-400.0, 300.0, 0.0], [0.0, -50.0, 900.0], [1.0, 2.0, 3.0]], requires_grad=True)
    loss = ALL[name](1000 * TARGET.float(), found, LABELS)
    loss.backward()
    assert loss.isfinite()
    assert found.grad is not None
    assert found.grad.isfinite().all()


def test_kd_is_the_divergence_that_all_knowledge_here_is_measured_in() -> None:
    assert logits.kd(TARGET, FOUND, LABELS, temperature=3.0) == divergence(TARGET, FOUND, 3.0)


def test_the_decoupled_parts_weighted_by_the_teachers_doubt_are_kd() -> None:
    torch.manual_seed(1)
    target, found, labels = torch.randn(6, 4), torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    label_B, others_B = logits.decoupled(target, found, labels)
    doubt_B = 1 - target.softmax(1).gather(1, labels[:, None]).squeeze(1)
    assert (label_B + doubt_B * others_B).mean().item() == pytest.approx(
        divergence(target, found, 1.0).item(), rel=1e-5
    )


@pytest.mark.parametrize("beta", [0.0, 8.0])
def test_for_two_classes_dkd_is_kd_whatever_beta(beta: float) -> None:
    target, found = TARGET[:2, :2], FOUND[:2, :2]
    loss = logits.dkd(target, found, LABELS[:2], temperature=2.0, alpha=1.0, beta=beta)
    assert loss.item() == pytest.approx(logits.kd(target, found, LABELS, temperature=2.0).item(), rel=1e-5)


def test_dkds_two_weights_weigh_the_label_and_the_other_classes() -> None:
    both = partial(logits.dkd, TARGET, FOUND, LABELS, temperature=2.0)
    label_B, others_B = logits.decoupled(TARGET / 2, FOUND / 2, LABELS)
    assert both(alpha=1.0, beta=0.0).item() == pytest.approx(4 * label_B.mean().item())
    assert both(alpha=0.0, beta=1.0).item() == pytest.approx(4 * others_B.mean().item())


def test_dist_is_zero_for_probabilities_that_are_an_affine_map_of_the_teachers() -> None:
    """p' = a p + (1 - a)/K: the order and proportions of an image's classes and of a class's images are the same."""
    blurred = (0.3 * TARGET.softmax(1) + 0.7 / 3).log()
    assert logits.dist(TARGET, blurred, LABELS, temperature=1.0, beta=2.0, gamma=2.0).item() == pytest.approx(
        0, abs=1e-6
    )
    assert logits.kd(TARGET, blurred, LABELS, temperature=1.0) > 0.1


def test_dists_weights_weigh_relations_within_an_image_and_within_a_class() -> None:
    both = partial(logits.dist, temperature=1.0)
    image, same = TARGET[:1], TARGET[:1].expand(4, -1)
    # all images alike: nothing varies within a class, so its correlation counts as 0
    labels = LABELS[:1].expand(4)
    assert both(same, same, labels, beta=1.0, gamma=0.0).item() == pytest.approx(0, abs=1e-6)
    assert both(same, same, labels, beta=0.0, gamma=1.0).item() == pytest.approx(1, abs=1e-6)
    assert both(image, -image, LABELS[:1], beta=1.0, gamma=0.0) > 1


def test_a_row_against_itself_its_opposite_and_a_constant() -> None:
    row = torch.tensor([[1.0, 2.0, 4.0]])
    assert logits.correlation(row, 3 * row + 1).item() == pytest.approx(1, abs=1e-6)
    assert logits.correlation(row, -row).item() == pytest.approx(-1, abs=1e-6)
    assert logits.correlation(row, torch.ones(1, 3)).item() == 0


def test_equally_sharp_networks_share_the_temperature() -> None:
    for temperature_B1 in logits.shared_temperatures(TARGET, TARGET + 3, 4.0):
        assert temperature_B1.flatten().tolist() == pytest.approx([4.0] * 3)
    loss = logits.dtkd(TARGET, TARGET.flip(1), LABELS, temperature=4.0, alpha=3.0, beta=1.0)
    expected = 4 * logits.kd(TARGET, TARGET.flip(1), LABELS, temperature=4.0)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_sharper_network_gets_the_higher_temperature() -> None:
    of_target, of_logits = logits.shared_temperatures(torch.tensor([[3.0, -3.0]]), torch.tensor([[1.0, -1.0]]), 4.0)
    assert (of_target.item(), of_logits.item()) == pytest.approx((6.0, 2.0))


def test_standardised_logits_have_mean_zero_and_deviation_one() -> None:
    found = logits.standardised(torch.tensor([[1.0, 2.0, 3.0], [10.0, 0.0, 5.0]]))
    torch.testing.assert_close(found, torch.tensor([[-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]]))


def test_two_uniform_guesses_differ_from_a_sure_teacher_by_a_known_figure() -> None:
    target = torch.tensor([[math.log(3.0), 0.0]])
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    label = torch.tensor([0])
    assert logits.kd(target, torch.zeros(1, 2), label, temperature=1.0).item() == pytest.approx(expected, abs=1e-6)
