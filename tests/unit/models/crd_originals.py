"""The public CRD models (https://github.com/HobbitLong/RepDistiller, BSD-2), rewritten as small as they get.

Same names of tensors, same computation, for 100 classes and 3x32x32. They share nothing with dfpt.models: what its
loader is tested against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 100


def conv(i: int, o: int, k: int = 1, s: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(i, o, k, s, k // 2, groups=groups, bias=False)


def pooled(x: Tensor) -> Tensor:
    return x.mean((2, 3))


class Block(nn.Module):
    """Of resnet.py (``downsample``) and resnetv2.py (``shortcut``, an empty Sequential where there is none)."""

    def __init__(self, i: int, o: int, s: int, bottleneck: bool, shortcut: str) -> None:
        super().__init__()
        q = o // 4
        shapes = [(i, q, 1, 1), (q, q, 3, s), (q, o, 1, 1)] if bottleneck else [(i, o, 3, s), (o, o, 3, 1)]
        self.depth = len(shapes)
        for n, shape in enumerate(shapes, 1):
            self.add_module(f"conv{n}", conv(*shape))
            self.add_module(f"bn{n}", nn.BatchNorm2d(shape[1]))
        self.short = nn.Sequential(conv(i, o, 1, s), nn.BatchNorm2d(o)) if s != 1 or i != o else nn.Sequential()
        self._modules[shortcut] = self._modules.pop("short")
        self.called = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for n in range(1, self.depth + 1):
            y = getattr(self, f"bn{n}")(getattr(self, f"conv{n}")(y))
            y = F.relu(y) if n < self.depth else y
        return F.relu(y + getattr(self, self.called)(x))


class ResNet(nn.Module):
    def __init__(
        self, stem: int, widths: Sequence[int], blocks: Sequence[int], bottleneck: bool, shortcut: str, last: str
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(3, stem, 3), nn.BatchNorm2d(stem)
        i, self.count, self.last = stem, len(widths), last
        for n, (o, count) in enumerate(zip(widths, blocks, strict=True), 1):
            layer = nn.Sequential()
            for b in range(count):
                layer.append(Block(i, o, 2 if n > 1 and b == 0 else 1, bottleneck, shortcut))
                i = o
            self.add_module(f"layer{n}", layer)
        self.add_module(last, nn.Linear(i, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for n in range(1, self.count + 1):
            x = getattr(self, f"layer{n}")(x)
        logits: Tensor = getattr(self, self.last)(pooled(x))
        return logits


class WideBlock(nn.Module):
    def __init__(self, i: int, o: int, s: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(i), conv(i, o, 3, s)
        self.bn2, self.conv2 = nn.BatchNorm2d(o), conv(o, o, 3)
        self.convShortcut = conv(i, o, 1, s) if i != o else None

    def forward(self, x: Tensor) -> Tensor:
        first = F.relu(self.bn1(x))
        out: Tensor = self.conv2(F.relu(self.bn2(self.conv1(first))))
        return out + (self.convShortcut(first) if self.convShortcut else x)


class WideResNet(nn.Module):
    def __init__(self, depth: int, k: int) -> None:
        super().__init__()
        self.conv1, i = conv(3, 16, 3), 16
        for n in (1, 2, 3):
            o = 16 * k * 2 ** (n - 1)
            block = nn.Module()
            block.layer = nn.Sequential(
                *(WideBlock(i if b == 0 else o, o, 2 if n > 1 and b == 0 else 1) for b in range((depth - 4) // 6))
            )
            self.add_module(f"block{n}", block)
            i = o
        self.bn1, self.fc = nn.BatchNorm2d(i), nn.Linear(i, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for n in (1, 2, 3):
            x = getattr(self, f"block{n}").layer(x)
        logits: Tensor = self.fc(pooled(F.relu(self.bn1(x))))
        return logits


class VGG(nn.Module):
    def __init__(self, counts: Sequence[int]) -> None:
        super().__init__()
        i = 3
        for n, (o, count) in enumerate(zip((64, 128, 256, 512, 512), counts, strict=True)):
            layers: list[nn.Module] = []
            for _ in range(count):
                layers += [nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU()]
                i = o
            self.add_module(f"block{n}", nn.Sequential(*layers[:-1]))
        self.classifier = nn.Linear(512, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for n in range(5):
            x = F.relu(getattr(self, f"block{n}")(x))
            x = F.max_pool2d(x, 2) if n < 3 else x
        logits: Tensor = self.classifier(pooled(x))
        return logits


class Inverted(nn.Module):
    def __init__(self, i: int, o: int, s: int, t: int) -> None:
        super().__init__()
        m = i * t
        self.conv = nn.Sequential(conv(i, m), nn.BatchNorm2d(m), nn.ReLU(), conv(m, m, 3, s, m), nn.BatchNorm2d(m))
        self.conv.extend((nn.ReLU(), conv(m, o), nn.BatchNorm2d(o)))
        self.same = s == 1 and i == o

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.same else y


class MobileNetV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, i = nn.Sequential(conv(3, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU()), 16
        setting = "1,16,1,1 6,24,2,1 6,32,3,2 6,64,4,2 6,96,3,1 6,160,3,2 6,320,1,1"
        self.blocks = nn.ModuleList()
        for t, c, n, s in (map(int, row.split(",")) for row in setting.split()):
            layers = nn.Sequential()
            for b in range(n):
                layers.append(Inverted(i, c // 2, s if b == 0 else 1, t))
                i = c // 2
            self.blocks.append(layers)
        self.conv2 = nn.Sequential(conv(i, 1280), nn.BatchNorm2d(1280), nn.ReLU())
        self.classifier = nn.Sequential(nn.Linear(1280, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.classifier(pooled(self.conv2(x)))
        return logits


def shuffled(x: Tensor, g: int) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, g, c // g, h, w).permute(0, 2, 1, 3, 4).reshape(n, c, h, w)


class Shuffle1(nn.Module):
    def __init__(self, i: int, o: int, s: int) -> None:
        super().__init__()
        m = o // 4
        self.g, self.s = 1 if i == 24 else 3, s
        self.conv1, self.bn1 = conv(i, m, groups=self.g), nn.BatchNorm2d(m)
        self.conv2, self.bn2 = conv(m, m, 3, s, m), nn.BatchNorm2d(m)
        self.conv3, self.bn3 = conv(m, o, groups=3), nn.BatchNorm2d(o)

    def forward(self, x: Tensor) -> Tensor:
        y = shuffled(F.relu(self.bn1(self.conv1(x))), self.g)
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        return F.relu(torch.cat([y, F.avg_pool2d(x, 3, stride=2, padding=1)], 1) if self.s == 2 else x + y)


class Basic2(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        c //= 2
        self.conv1, self.bn1 = conv(c, c), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = conv(c, c, 3, 1, c), nn.BatchNorm2d(c)
        self.conv3, self.bn3 = conv(c, c), nn.BatchNorm2d(c)
        self.c = c

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x[:, self.c :])))))
        return shuffled(torch.cat([x[:, : self.c], F.relu(self.bn3(self.conv3(y)))], 1), 2)


class Down2(nn.Module):
    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        m = o // 2
        self.conv1, self.bn1 = conv(i, i, 3, 2, i), nn.BatchNorm2d(i)
        self.conv2, self.bn2 = conv(i, m), nn.BatchNorm2d(m)
        self.conv3, self.bn3 = conv(i, m), nn.BatchNorm2d(m)
        self.conv4, self.bn4 = conv(m, m, 3, 2, m), nn.BatchNorm2d(m)
        self.conv5, self.bn5 = conv(m, m), nn.BatchNorm2d(m)

    def forward(self, x: Tensor) -> Tensor:
        left = F.relu(self.bn2(self.conv2(self.bn1(self.conv1(x)))))
        right = self.bn4(self.conv4(F.relu(self.bn3(self.conv3(x)))))
        return shuffled(torch.cat([left, F.relu(self.bn5(self.conv5(right)))], 1), 2)


class ShuffleNet(nn.Module):
    def __init__(self, version: int, widths: Sequence[int], last: int = 0) -> None:
        super().__init__()
        self.conv1, self.bn1, i = conv(3, 24), nn.BatchNorm2d(24), 24
        for n, (o, count) in enumerate(zip(widths, (4, 8, 4), strict=True), 1):
            layer = nn.Sequential(Down2(i, o) if version == 2 else Shuffle1(i, o - i, 2))
            for _ in range(count - 1):
                layer.append(Basic2(o) if version == 2 else Shuffle1(o, o, 1))
            self.add_module(f"layer{n}", layer)
            i = o
        if last:
            self.conv2, self.bn2, i = conv(i, last), nn.BatchNorm2d(last), last
        self.linear = nn.Linear(i, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        x = F.relu(self.bn2(self.conv2(x))) if hasattr(self, "conv2") else x
        logits: Tensor = self.linear(pooled(x))
        return logits


def cifar(depth: int, stem: int = 16, width: int = 16) -> ResNet:
    blocks = (depth - 2) // 6
    return ResNet(stem, (width, 2 * width, 4 * width), (blocks, blocks, blocks), False, "downsample", "fc")


ORIGINALS: dict[str, Callable[[], nn.Module]] = {
    **{f"resnet{depth}": partial(cifar, depth) for depth in (8, 14, 20, 32, 44, 56, 110)},
    "resnet8x4": partial(cifar, 8, 32, 64),
    "resnet32x4": partial(cifar, 32, 32, 64),
    "resnet18": partial(ResNet, 64, (64, 128, 256, 512), (2, 2, 2, 2), False, "shortcut", "linear"),
    "resnet34": partial(ResNet, 64, (64, 128, 256, 512), (3, 4, 6, 3), False, "shortcut", "linear"),
    "resnet50": partial(ResNet, 64, (256, 512, 1024, 2048), (3, 4, 6, 3), True, "shortcut", "linear"),
    "wrn_16_1": partial(WideResNet, 16, 1),
    "wrn_16_2": partial(WideResNet, 16, 2),
    "wrn_40_1": partial(WideResNet, 40, 1),
    "wrn_40_2": partial(WideResNet, 40, 2),
    "vgg8": partial(VGG, (1, 1, 1, 1, 1)),
    "vgg11": partial(VGG, (1, 1, 2, 2, 2)),
    "vgg13": partial(VGG, (2, 2, 2, 2, 2)),
    "vgg16": partial(VGG, (2, 2, 3, 3, 3)),
    "vgg19": partial(VGG, (2, 2, 4, 4, 4)),
    "mobilenet_v2": MobileNetV2,
    "shufflenet_v1": partial(ShuffleNet, 1, (240, 480, 960)),
    "shufflenet_v2": partial(ShuffleNet, 2, (116, 232, 464), 1024),
}
