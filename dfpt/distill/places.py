"""What a network says at every place of its last feature map (ours).

A head that pools over places and then classifies can classify each place alone. One label an image says nothing about
where a crack is; the teacher's answer at every place does, and on a thousand images that is what a student lacks.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def at_places(head: nn.Module, features_BCHW: Tensor, grid: tuple[int, int] | None = None) -> Tensor:
    """Logits (B, K, H, W): ``head`` asked about each place alone, as if the map were that place everywhere.

    Where the head is linear after its pooling, their mean over the places is the logits of the whole image.

    Args:
        grid: average the features to this many places first.
    """
    if grid is not None:
        features_BCHW = F.adaptive_avg_pool2d(features_BCHW, grid)
    batch, channels, height, width = features_BCHW.shape
    places = features_BCHW.permute(0, 2, 3, 1).reshape(batch * height * width, channels, 1, 1)
    logits: Tensor = head(places)
    return logits.view(batch, height, width, -1).permute(0, 3, 1, 2)


def as_batch(logits_BKHW: Tensor) -> Tensor:
    """The same with every place as a row of its own: (B H W, K)."""
    return logits_BKHW.permute(0, 2, 3, 1).flatten(0, 2)


def common_grid(first_BCHW: Tensor, second_BCHW: Tensor) -> tuple[int, int]:
    """The finest grid that both maps can be averaged to without repeating a place."""
    return (
        min(first_BCHW.shape[2], second_BCHW.shape[2]),
        min(first_BCHW.shape[3], second_BCHW.shape[3]),
    )
