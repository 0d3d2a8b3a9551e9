from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from dfpt.config import Blocks, Prompt
from dfpt.distill.prompt import FusionBlock, PartialConv, PromptBlock


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_a_partial_convolution_leaves_the_other_channels_as_they_are(kernel: int) -> None:
    x = torch.randn(2, 8, 6, 5)
    y = PartialConv(8, kernel, 0.25)(x)
    assert torch.equal(y[:, 2:], x[:, 2:])
    assert (y[:, :2] != x[:, :2]).all()


@pytest.mark.parametrize(("partial", "convolved"), [(0.01, 1), (0.25, 2), (1.0, 8)])
def test_the_fraction_says_how_many_channels_are_convolved(partial: float, convolved: int) -> None:
    layer = PartialConv(8, 3, partial)
    assert layer.conv.weight.shape == (convolved, convolved, 3, 3)
    assert layer(torch.randn(2, 8, 4, 4)).shape == (2, 8, 4, 4)


def test_a_partial_convolution_mixes_its_channels_with_their_neighbourhood_alone() -> None:
    layer, x = PartialConv(4, 3, 0.5), torch.randn(1, 4, 7, 7)
    changed = x.clone()
    changed[0, 0, 3, 3] += 1
    moved = (layer(changed) != layer(x))[0]
    assert moved[:2, 2:5, 2:5].all()
    assert moved.sum() == 18  # 3 x 3 pixels of the two convolved channels, nothing of the others


def test_an_even_kernel_would_change_the_shape_and_is_refused() -> None:
    with pytest.raises(ValidationError, match="Input should be 1, 3, 5, 7, 9 or 11"):
        Prompt(kernels=(4,))


def test_a_prompt_block_has_the_layers_that_its_settings_ask_for() -> None:
    block = PromptBlock(16, Blocks(ratio=0.5, partial=0.25, kernels=(3, 5, 7)))
    shapes = [tuple(layer.weight.shape) for layer in block.modules() if isinstance(layer, nn.Conv2d)]
    assert shapes == [
        (8, 16, 1, 1),
        *[shape for k in (3, 5, 7) for shape in ((2, 2, k, k), (8, 8, 1, 1))],
        (16, 8, 1, 1),
    ]


def test_a_prompt_block_starts_as_nothing_and_can_learn() -> None:
    block, x = PromptBlock(8, Blocks(kernels=(3,))), torch.randn(2, 8, 5, 5)
    assert not block(x).any()
    block(x).square().sum().backward()
    (block(x) - 1).square().sum().backward()
    assert block.up.weight.grad is not None
    assert block.up.weight.grad.any()


def test_a_fusion_block_starts_as_identity() -> None:
    x = torch.randn(2, 6, 4, 4)
    assert torch.equal(FusionBlock(6)(x), x)


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_between_the_convolutions_is_what_was_asked_for(norm: str, activation: str) -> None:
    block = PromptBlock(8, Blocks.model_validate({"norm": norm, "activation": activation}))
    layers = [type(layer) for layer in block.modules()]
    norms = {"batch": nn.BatchNorm2d, "layer": nn.GroupNorm, "none": nn.Identity}
    assert {name: layers.count(norms[name]) for name in norms} == {name: 4 * (name == norm) for name in norms}
    assert (layers.count(nn.ReLU), layers.count(nn.GELU)) == ((4, 0) if activation == "relu" else (0, 4))
    nn.init.normal_(block.up.weight)
    x = torch.randn(4, 8, 5, 5)
    alone = block(x[:1])
    assert torch.allclose(block(x)[:1], alone, atol=1e-5) is (norm != "batch")  # no image knows of its batch
