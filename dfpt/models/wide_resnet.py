"""Wide ResNets (Zagoruyko and Komodakis 2016) without dropout, in the layout of the public CRD models."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from dfpt.models.backbone import Backbone, pooled_linear

# Name -> layers in all (6n + 4), widening factor.
LAYOUTS = {f"wrn_{depth}_{factor}": (depth, factor) for depth in (16, 40) for factor in (1, 2)}
_STEM = 16
_WIDTHS = (16, 32, 64)


class PreactivationBlock(nn.Module):
    """BatchNorm and ReLU before each of two 3x3 convolutions: (B, C_in, H, W) -> (B, C_out, H / stride, W / stride).

    Where the widths differ, the shortcut starts after the first activation.
    """

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(width_in)
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(width_in, width, 1, stride, bias=False) if width_in != width else None

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.norm1(x))
        y: Tensor = self.conv2(F.relu(self.norm2(self.conv1(active))))
        return y + (x if self.shortcut is None else self.shortcut(active))


def wide_resnet(name: str, num_classes: int, in_channels: int, image_size: int) -> Backbone:
    """Three stages at 1, 1/2 and 1/4 of the image's resolution; the last BatchNorm and ReLU belong to the head."""
    depth, factor = LAYOUTS[name]
    widths = [width * factor for width in _WIDTHS]
    stem = nn.Sequential(nn.Conv2d(in_channels, _STEM, 3, 1, 1, bias=False))
    stages = []
    width_in = _STEM
    for index, width in enumerate(widths):
        stage = nn.Sequential(PreactivationBlock(width_in, width, stride=2 if index else 1))
        for _ in range((depth - 4) // 6 - 1):
            stage.append(PreactivationBlock(width, width, stride=1))
        stages.append(stage)
        width_in = width
    head = nn.Sequential(nn.BatchNorm2d(width_in), nn.ReLU(), *pooled_linear(width_in, num_classes))
    return Backbone(stem, stages, head, widths)
