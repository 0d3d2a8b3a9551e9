from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from dfpt.distill.divergence import divergence


def test_it_is_the_hand_computed_figure() -> None:
    target = torch.tensor([[math.log(3.0), 0.0]])  # softmax: 3/4, 1/4
    logits = torch.tensor([[0.0, 0.0]])  # softmax: 1/2, 1/2
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert divergence(target, logits, 1.0).item() == pytest.approx(expected, abs=1e-6)
    # softmax((2 log 3, 0) / 2) is the same 3/4, 1/4, and tau^2 = 4
    assert divergence(2 * target, logits, 2.0).item() == pytest.approx(4 * expected, abs=1e-6)


def test_the_first_argument_is_the_target() -> None:
    certain, unsure = torch.tensor([[8.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    assert divergence(certain, unsure, 1.0).item() == pytest.approx(math.log(2), abs=5e-3)
    assert divergence(unsure, certain, 1.0) > 3


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_it_agrees_with_torch_and_is_the_mean_over_the_batch(temperature: float) -> None:
    target, logits = torch.randn(5, 7), torch.randn(5, 7)
    soft = (target / temperature).softmax(1)
    expected = F.kl_div((logits / temperature).log_softmax(1), soft, reduction="batchmean") * temperature**2
    assert divergence(target, logits, temperature).item() == pytest.approx(expected.item(), rel=1e-5)


def test_equal_logits_and_logits_that_differ_by_a_constant_are_at_no_distance() -> None:
    logits = torch.randn(4, 3)
    assert divergence(logits, logits, 4.0) == 0
    assert divergence(logits + 5, logits, 4.0).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_its_gradient_is_the_analytic_one(temperature: float) -> None:
    """d/dz tau^2 KL(p || softmax(z / tau)) = tau (softmax(z / tau) - p), over the batch's size."""
    target, logits = torch.randn(5, 7), torch.randn(5, 7, requires_grad=True)
    divergence(target, logits, temperature).backward()
    expected = temperature * ((logits / temperature).softmax(1) - (target / temperature).softmax(1)) / 5
    torch.testing.assert_close(logits.grad, expected.detach(), atol=1e-6, rtol=1e-5)


def test_it_is_computed_in_float32_whatever_comes_in() -> None:
    target, logits = torch.randn(4, 3).bfloat16(), torch.randn(4, 3).bfloat16()
    found = divergence(target, logits, 4.0)
    assert found.dtype == torch.float32
    assert found == divergence(target.float(), logits.float(), 4.0)
