"""A foreign network as stem and stages, where its features are one module after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from dfpt.errors import UsageError
from dfpt.models.backbone import Backbone

_SIZE = 128  # pixels of the image that decides where to cut, so that the cuts do not depend on the user's images


def backbone(
    name: str,
    parts: Sequence[nn.Module],
    in_channels: int,
    head: Callable[[int], nn.Module],
    whole: Callable[[Tensor], Tensor],
) -> Backbone:
    """The chain ``parts`` cut where the resolution falls: what comes before the first cut is the stem.

    Args:
        name: for messages.
        head: makes the head for features of so many channels.
        whole: the foreign network's own way from images to its last features, averaged over their places or not. The
            parts must give the same, so that a network that does more between its parts is refused and not misread.

    Raises:
        UsageError: no such chain, or it has no two stages.
    """
    image = torch.rand(1, in_channels, _SIZE, _SIZE)
    for part in parts:
        for module in part.modules():
            if hasattr(module, "inplace"):
                module.__dict__["inplace"] = False  # it would change the features that a prompt block has just read
    with torch.no_grad():
        x, groups, widths, before = image, list[list[nn.Module]](), list[int](), -1
        for part in parts:
            try:
                x = part.eval()(x)
            except (AssertionError, RuntimeError, TypeError) as error:  # of a part that is given something else
                raise _no_chain(name) from error
            if not isinstance(x, Tensor) or x.dim() != 4:
                raise _no_chain(name)
            if x.shape[2] != before:
                groups.append([])
                widths.append(0)
            groups[-1].append(part)
            widths[-1], before = x.shape[1], x.shape[2]
        if len(groups) < 3 or x.shape[2] > _SIZE // 4:
            raise _no_chain(name)
        expected, pooled = whole(image), x.mean((2, 3))
        if not any(given.shape == expected.shape and torch.allclose(given, expected) for given in (x, pooled)):
            raise _no_chain(name)
    stem, *stages = (nn.Sequential(*group) for group in groups)
    return Backbone(stem, stages, head(widths[-1]), widths[1:]).train()


def _no_chain(name: str) -> UsageError:
    return UsageError(
        f"{name} is no chain of convolutional stages: it cannot be divided into stem, stages and head.",
        "Choose a convolutional network, such as timm:resnet18, timm:efficientnet_lite0 or torchvision:resnet18.",
    )
