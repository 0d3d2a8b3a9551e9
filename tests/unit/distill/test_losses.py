from __future__ import annotations

import pytest
import torch

from dfpt.config import Distillation, Prompt
from dfpt.distill.divergence import divergence
from dfpt.distill.losses import prompt_loss, student_loss

LABEL = torch.tensor(0.7)


def test_each_weight_of_the_students_loss_weighs_its_own_term() -> None:
    z_o, z_p, z_s = (torch.randn(4, 3) for _ in range(3))
    config = Distillation(label=2, from_original=3, from_prompt=5, temperature=2)
    expected = 2 * LABEL + 3 * divergence(z_o, z_s, 2) + 5 * divergence(z_p, z_s, 2)
    assert student_loss(z_o, z_p, z_s, LABEL, config).item() == pytest.approx(expected.item(), rel=1e-6)


def test_each_weight_of_the_prompt_paths_loss_weighs_its_own_term() -> None:
    z_o, z_p, z_s = (torch.randn(4, 3) for _ in range(3))
    config = Prompt(from_original=3, from_student=5, temperature=2)
    expected = LABEL + 3 * divergence(z_o, z_p, 2) + 5 * divergence(z_s, z_p, 2)
    assert prompt_loss(z_o, z_p, z_s, LABEL, config).item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_path_without_weight_is_not_even_looked_at() -> None:
    lost = torch.full((4, 3), torch.nan)
    config = Distillation(from_original=0, from_prompt=0)
    assert student_loss(lost, lost, torch.randn(4, 3), LABEL, config) == LABEL
