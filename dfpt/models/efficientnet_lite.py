"""EfficientNet-Lite (Google, 2020): EfficientNet without squeeze-and-excitation and with ReLU6, made for devices.

Layers and padding follow the published TensorFlow models, so that their ImageNet weights fit
(:mod:`dfpt.models.packaged`). ``efficientnet_lite0_s3`` to ``_s5`` (ours) are the first stages of it with a head of
their own: small students that need not learn edges and textures from a few thousand images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn
from torch.nn import functional as F

from dfpt.models.backbone import Backbone, pooled_linear

# (kernel, stride, expansion) of each stage: Tan & Le 2019, table 1.
_STAGES = ((3, 1, 1), (3, 2, 6), (5, 2, 6), (3, 2, 6), (5, 1, 6), (5, 2, 6), (3, 1, 6))
_STEM, _HEAD = 32, 1280


@dataclass(frozen=True)
class Layout:
    """Blocks and width of each stage: the table's, times depth and width coefficient, widths in multiples of 8."""

    blocks: tuple[int, ...]
    widths: tuple[int, ...]
    dropout: float

    @property
    def whole(self) -> bool:
        return len(self.blocks) == len(_STAGES)

    def first(self, count: int) -> Layout:
        """Its first stages alone."""
        return replace(self, blocks=self.blocks[:count], widths=self.widths[:count])


LAYOUTS = {
    "efficientnet_lite0": Layout((1, 2, 2, 3, 3, 4, 1), (16, 24, 40, 80, 112, 192, 320), 0.2),
    "efficientnet_lite1": Layout((1, 3, 3, 4, 4, 5, 1), (16, 24, 40, 80, 112, 192, 320), 0.2),
    "efficientnet_lite2": Layout((1, 3, 3, 4, 4, 5, 1), (16, 24, 48, 88, 120, 208, 352), 0.3),
}
LAYOUTS |= {f"efficientnet_lite0_s{count}": LAYOUTS["efficientnet_lite0"].first(count) for count in (3, 4, 5)}


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME: ceil(input / stride) pixels out, the odd one added right and below."""

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return F.conv2d(x, self.weight, self.bias, 1, kernel // 2, 1, self.groups)
        pads = []
        for size in (x.shape[3], x.shape[2]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), self.weight, self.bias, stride, 0, 1, self.groups)


def _conv(width_in: int, width: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        SameConv2d(width_in, width, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(width, eps=1e-3),
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


def efficientnet_lite(name: str, num_classes: int, in_channels: int, image_size: int) -> Backbone:
    """Seven stages, the last at 1/32 of the image's resolution, or the first few of them."""
    layout = LAYOUTS[name]
    stem = nn.Sequential(*_conv(in_channels, _STEM, 3, 2), nn.ReLU6())
    stages = []
    width_in = _STEM
    for (kernel, stride, expansion), blocks, width in zip(_STAGES, layout.blocks, layout.widths, strict=False):
        stage = nn.Sequential()
        for index in range(blocks):
            stage.append(MobileBlock(width_in, width, kernel, stride if index == 0 else 1, expansion))
            width_in = width
        stages.append(stage)
    if not layout.whole:
        return Backbone(stem, stages, pooled_linear(width_in, num_classes, layout.dropout), layout.widths)
    head = nn.Sequential(
        *_conv(width_in, _HEAD),
        nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(layout.dropout),
        nn.Linear(_HEAD, num_classes),
    )
    return Backbone(stem, stages, head, layout.widths)
