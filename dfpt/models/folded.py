"""A frozen network whose BatchNorm is part of its convolutions: the same function with less memory traffic."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dfpt.models.backbone import Backbone

# Of logits and features, relative to the largest of them: float32 rounds each folded weight once.
TOLERANCE = 1e-4


def folded(network: Backbone, in_channels: int, image_size: int) -> Backbone:
    """A copy for inference, in eval mode and float32, whose answers differ by rounding alone.

    Stem and stages are folded; the head is kept as it is, so that a copy of it still says exactly the same.
    Which BatchNorm follows which convolution is seen in one forward pass. A convolution whose output is also read by
    something else must not be folded: the features before and after are compared, first for all pairs at once, then,
    where they differ by more than :data:`TOLERANCE`, pair by pair.
    """
    copied = copy.deepcopy(network).eval().requires_grad_(False)
    image = torch.randn(2, in_channels, image_size, image_size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = copied.features(image)
        bound = TOLERANCE * expected.abs().max()
        pairs = _pairs(copied, image)
        for together in (pairs, *([pair] for pair in pairs)):
            before = [(name, copied.get_submodule(name)) for pair in together for name in pair]
            for conv, norm in together:
                _fold(copied, conv, norm)
            if (copied.features(image) - expected).abs().max() <= bound:
                if together is pairs:
                    break
            else:
                for name, module in before:
                    copied.set_submodule(name, module)
    return copied


def _fold(network: Backbone, conv: str, norm: str) -> None:
    first, second = cast(nn.Conv2d, network.get_submodule(conv)), cast(nn.BatchNorm2d, network.get_submodule(norm))
    network.set_submodule(conv, fuse_conv_bn_eval(first, second).requires_grad_(False))
    network.set_submodule(norm, nn.Identity())


def _pairs(network: Backbone, image: Tensor) -> list[tuple[str, str]]:
    """(convolution, BatchNorm) by name, where the one's output is the other's input."""
    made: dict[int, str] = {}
    kept: list[Tensor] = []  # alive until the end, so that no identity is used twice
    found: list[tuple[str, str]] = []
    hooks = []

    def after_convolution(name: str) -> None:
        def note(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            made[id(output)] = name
            kept.append(output)

        hooks.append(network.get_submodule(name).register_forward_hook(note))

    def before_norm(name: str) -> None:
        def note(module: nn.Module, given: tuple[Tensor, ...]) -> None:
            if conv := made.pop(id(given[0]), None):
                found.append((conv, name))

        hooks.append(network.get_submodule(name).register_forward_pre_hook(note))

    for name, module in network.named_modules():
        if not name.startswith("head"):
            if isinstance(module, nn.Conv2d):
                after_convolution(name)
            elif isinstance(module, nn.BatchNorm2d):
                before_norm(name)
    try:
        network.features(image)
    finally:
        for hook in hooks:
            hook.remove()
    return found
