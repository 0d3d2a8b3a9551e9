from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from dfpt.config import Distillation, Divergence, Prompt
from dfpt.distill.divergence import divergence
from dfpt.distill.losses import between, prompt_loss, student_loss

LABEL, LABELS = torch.tensor(0.7), torch.tensor([0, 1, 2, 0])


def test_each_weight_of_the_students_loss_weighs_its_own_term() -> None:
    z_o, z_p, z_s = (torch.randn(4, 3) for _ in range(3))
    config = Distillation(label=2, from_original=3, from_prompt=5, temperature=2)
    expected = 2 * LABEL + 3 * divergence(z_o, z_s, 2) + 5 * divergence(z_p, z_s, 2)
    assert student_loss(z_o, z_p, z_s, LABEL, LABELS, config).item() == pytest.approx(expected.item(), rel=1e-6)


def test_each_weight_of_the_prompt_paths_loss_weighs_its_own_term() -> None:
    z_o, z_p, z_s = (torch.randn(4, 3) for _ in range(3))
    config = Prompt(from_original=3, from_student=5, temperature=2)
    expected = LABEL + 3 * divergence(z_o, z_p, 2) + 5 * divergence(z_s, z_p, 2)
    assert prompt_loss(z_o, z_p, z_s, LABEL, LABELS, config).item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_path_without_weight_is_not_even_looked_at() -> None:
    lost = torch.full((4, 3), torch.nan)
    config = Distillation(from_original=0, from_prompt=0)
    assert student_loss(lost, lost, torch.randn(4, 3), LABEL, LABELS, config) == LABEL


def test_kl_as_divergence_is_bit_for_bit_what_it_was() -> None:
    z_t, z_s = torch.randn(4, 3), torch.randn(4, 3)
    assert torch.equal(between(z_t, z_s, LABELS, Divergence(temperature=3)), divergence(z_t, z_s, 3))


def test_each_divergence_has_a_literal_value() -> None:
    """Two images of class 0; the teacher's odds are 4 : 1 : 1, the student says nothing, at temperature 1."""
    z_t, z_s = torch.tensor([[math.log(4), 0.0, 0.0]] * 2), torch.zeros(2, 3)
    labels = torch.tensor([0, 0])
    kl = 2 / 3 * math.log(2) + 1 / 3 * math.log(1 / 2)
    by_label = 2 / 3 * math.log(2) + 1 / 3 * math.log(1 / 2)  # among the others both are even: DKD's second part is 0

    def value(name: str) -> float:
        return between(z_t, z_s, labels, Divergence.model_validate({"divergence": name, "temperature": 1})).item()

    assert value("kl") == pytest.approx(kl, abs=1e-6)
    assert value("dkd") == pytest.approx(by_label, abs=1e-6)
    assert value("dist") == pytest.approx(2 * 1 + 2 * 1, abs=1e-5)  # a constant row correlates with nothing
    standard = (z_t - z_t.mean(1, keepdim=True)) / z_t.std(1, keepdim=True)
    expected = F.kl_div(torch.full((2, 3), -math.log(3)), standard.softmax(1), reduction="batchmean")
    assert value("ls") == pytest.approx(expected.item(), abs=1e-5)


@pytest.mark.parametrize("name", ["kl", "dkd", "dist", "ls"])
def test_a_divergence_from_oneself_is_none_and_its_gradient_is_right(name: str) -> None:
    config = Divergence.model_validate({"divergence": name, "temperature": 2, "beta": 3})
    torch.manual_seed(0)
    z_t = torch.randn(4, 3, dtype=torch.float64)
    z_s = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert between(z_t, z_t, LABELS, config).item() == pytest.approx(0, abs=1e-6)
    assert between(z_t, z_s, LABELS, config).item() > 0.01
    assert torch.autograd.gradcheck(lambda z: between(z_t, z, LABELS, config), z_s)


def test_beta_weighs_what_it_says() -> None:
    z_t, z_s = torch.randn(4, 3), torch.randn(4, 3)

    def value(name: str, beta: float) -> float:
        config = Divergence.model_validate({"divergence": name, "beta": beta})
        return between(z_t, z_s, LABELS, config).item()

    assert value("kl", 1) == value("kl", 5)
    assert value("ls", 1) == value("ls", 5)
    assert value("dist", 4) == pytest.approx(4 * value("dist", 1), rel=1e-5)
    assert value("dkd", 4) - value("dkd", 3) == pytest.approx(value("dkd", 1) - value("dkd", 0), rel=1e-4)


def test_both_losses_have_a_literal_value_and_the_right_gradient() -> None:
    """The original path's odds are 4 : 1 : 1, the prompt path's 2 : 1 : 1, the student says nothing; temperature 1."""
    kind = {"dtype": torch.float64}
    z_o, z_p = (torch.tensor([[math.log(odds), 0.0, 0.0]], **kind) for odds in (4, 2))
    z_s, labels = torch.zeros(1, 3, **kind), torch.tensor([0])
    from_original = 2 / 3 * math.log(2) + 1 / 3 * math.log(1 / 2)  # KL to the student
    from_prompt = 1 / 2 * math.log(3 / 2) + 1 / 2 * math.log(3 / 4)
    taught = Distillation(label=1, from_original=2, from_prompt=3, temperature=1)
    found = student_loss(z_o, z_p, z_s, F.cross_entropy(z_s, labels), labels, taught)
    assert found.item() == pytest.approx(math.log(3) + 2 * from_original + 3 * from_prompt)
    near_original = 2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3)  # KL to the prompt path
    near_student = 1 / 3 * math.log(2 / 3) + 2 / 3 * math.log(4 / 3)
    path = Prompt(from_original=2, from_student=3, temperature=1)
    found = prompt_loss(z_o, z_p, z_s, F.cross_entropy(z_p, labels), labels, path)
    assert found.item() == pytest.approx(math.log(2) + 2 * near_original + 3 * near_student)
    assert torch.autograd.gradcheck(
        lambda z: student_loss(z_o, z_p, z, F.cross_entropy(z, labels), labels, taught), z_s.requires_grad_()
    )
    assert torch.autograd.gradcheck(
        lambda z: prompt_loss(z_o, z, z_s, F.cross_entropy(z, labels), labels, path), z_p.requires_grad_()
    )
