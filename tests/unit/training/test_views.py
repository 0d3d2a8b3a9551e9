"""The noise that a student is trained on."""

from __future__ import annotations

import torch

from dfpt.training.views import NoisyViews, PixelViews

MOST = 0.3


def noise(seed: int, count: int = 400) -> torch.Tensor:
    """What is added to images that are all 1."""
    torch.manual_seed(seed)
    index = torch.arange(count)
    return NoisyViews(PixelViews(torch.ones(count, 1, 16, 16)), MOST)(index, index % 8) - 1


def test_each_image_has_noise_of_a_strength_of_its_own_up_to_the_most() -> None:
    found = noise(0)
    strengths = found.std((1, 2, 3))
    assert found.mean().abs() < 0.01
    assert strengths.max() < MOST * 1.2
    assert strengths.max() > MOST * 0.9
    assert strengths.min() < MOST * 0.05
    assert abs(strengths.mean() - MOST / 2) < MOST * 0.05


def test_an_epoch_of_a_seed_has_the_same_noise() -> None:
    assert torch.equal(noise(0), noise(0))
    assert not torch.equal(noise(0), noise(1))


def test_what_is_laid_out_channels_last_stays_so() -> None:
    views = NoisyViews(PixelViews(torch.ones(4, 3, 16, 16)), MOST)
    found = views(torch.arange(4), torch.zeros(4, dtype=torch.int64))
    assert found.is_contiguous(memory_format=torch.channels_last)
