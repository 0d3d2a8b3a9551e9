"""``torchvision:NAME``: any of torchvision's classifiers whose features are a chain (the extra ``torchvision``)."""

from __future__ import annotations

import copy
import difflib
from statistics import fmean
from typing import Any

import torch
from torch import nn

from dfpt.errors import StepFailed, UsageError
from dfpt.models import chain
from dfpt.models.backbone import Backbone, pooled_linear

_AFTER_FEATURES = ("avgpool", "classifier", "fc", "heads", "head")


def create(name: str, num_classes: int, in_channels: int, pretrained: bool) -> Backbone:
    """The network that torchvision calls ``name``: its features, then pooling and a linear layer.

    Args:
        pretrained: with the best weights that torchvision downloads for it.

    Raises:
        UsageError: torchvision is not installed, knows no such classifier, or it is no chain of stages.
        StepFailed: its weights cannot be had.
    """
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:  # a torchvision of another torch raises RuntimeError
        raise UsageError(
            f"torchvision:{name} needs torchvision: {error}.", "Run pip install 'dfpt[torchvision]'."
        ) from error
    known = models.list_models(module=models)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise UsageError(f"torchvision knows no classifier {name!r}.", f"Did you mean {near[0]}?" if near else "")
    try:
        network = models.get_model(name, weights="DEFAULT" if pretrained else None)
    except Exception as error:  # whatever a download raises
        raise StepFailed(
            f"The weights of torchvision:{name} cannot be had: {error}", "Set teacher.pretrained=false."
        ) from error
    network.eval()
    if in_channels != 3:
        _replace_first(network, in_channels)
    return chain.backbone(
        f"torchvision:{name}",
        _parts(network),
        in_channels,
        lambda width: pooled_linear(width, num_classes),
        lambda x: _features(network, x),
    )


def normalisation(name: str) -> tuple[float, float]:
    """Mean and standard deviation, over the colours, of pixels on [0, 1] that the best weights were trained on."""
    from torchvision import models

    trained = models.get_model_weights(name).DEFAULT.transforms()
    return fmean(trained.mean), fmean(trained.std)


def _parts(network: Any) -> list[nn.Module]:
    if hasattr(network, "features"):
        return list(network.features)
    found: list[nn.Module] = []
    for name, part in network.named_children():
        if name in _AFTER_FEATURES:
            break
        found.extend(part if name == "trunk_output" else [part])  # RegNet's stages are one level down
    return found


def _features(network: Any, x: torch.Tensor) -> torch.Tensor:
    """What the network's own forward gives its pooling (B, C, H, W), or its classifier where it has no such layer."""
    after = next(getattr(network, name) for name in _AFTER_FEATURES if hasattr(network, name))
    caught: list[torch.Tensor] = []
    hook = after.register_forward_pre_hook(lambda _, given: caught.append(given[0]))
    try:
        network(x)
    finally:
        hook.remove()
    return caught[0]


def _replace_first(network: nn.Module, in_channels: int) -> None:
    """The first convolution reads so many channels: one channel with the colours' sum (as a repeated grey image), any
    other number with their mean times 3 / channels."""
    name, first = next((name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d))
    conv = copy.deepcopy(first)
    conv.in_channels = in_channels
    mean = first.weight.detach().sum(1, keepdim=True) / in_channels
    conv.weight = nn.Parameter(mean.repeat(1, in_channels, 1, 1))
    network.set_submodule(name, conv)
