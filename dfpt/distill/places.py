"""What a network says at every place of its last feature map (ours).

A head that pools over places and then classifies can classify each place alone. One label an image says nothing about
where a crack is; the teacher's answer at every place does, and on a thousand images that is what a student lacks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn import functional as F


def at_places(head: nn.Module, features_BCHW: Tensor, grid: tuple[int, int] | None = None) -> Tensor:
    """Logits (B, K, H, W): ``head`` asked about each place alone, as if the map were that place everywhere.

    Where the head is linear after its pooling, their mean over the places is the logits of the whole image. In training
    BatchNorm's running statistics stay as they are: the head is asked about whole images besides, and these count.

    Args:
        grid: average the features to this many places first.
    """
    if grid is not None:
        features_BCHW = F.adaptive_avg_pool2d(features_BCHW, grid)
    on_maps, on_places = _divided(head)
    with _running_statistics_kept(head):
        features_BCHW = on_maps(features_BCHW)
        batch, channels, height, width = features_BCHW.shape
        places = features_BCHW.permute(0, 2, 3, 1).reshape(batch * height * width, channels, 1, 1)
        logits: Tensor = on_places(places)
    return logits.view(batch, height, width, -1).permute(0, 3, 1, 2)


@contextlib.contextmanager
def _running_statistics_kept(head: nn.Module) -> Iterator[None]:
    norms = [module for module in head.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def averaged(logits_BKHW: Tensor, grid: tuple[int, int]) -> Tensor:
    """What is said at every place, as the mean of each of ``grid``'s larger places."""
    return F.adaptive_avg_pool2d(logits_BKHW, grid)


def _divided(head: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The head's first layers that treat every place alone anyway, and the rest.

    On whole maps the first ones compute the same, BatchNorm's statistics included; only the rounding of gradients
    differs. A thousand maps of one place each are what convolutions are slow in.
    """
    layers = list(head) if isinstance(head, nn.Sequential) else []
    count = next((number for number, layer in enumerate(layers) if not _is_of_a_place(layer)), len(layers))
    return (nn.Sequential(*layers[:count]), nn.Sequential(*layers[count:])) if count else (nn.Identity(), head)


def _is_of_a_place(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Conv2d):
        return {*layer.kernel_size, *layer.stride} == {1} and layer.padding in (0, (0, 0), "same", "valid")
    return isinstance(layer, nn.BatchNorm2d | nn.ReLU | nn.ReLU6 | nn.Identity)


def as_batch(logits_BKHW: Tensor) -> Tensor:
    """The same with every place as a row of its own: (B H W, K)."""
    return logits_BKHW.permute(0, 2, 3, 1).flatten(0, 2)


def common_grid(first_BCHW: Tensor, second_BCHW: Tensor) -> tuple[int, int]:
    """The coarser of both maps' grids, by side.

    Where the finer one's side is no multiple of it, neighbouring averages share a place (6 to 4: windows of two rows
    that overlap in none, one, none), so these places count twice.
    """
    return (
        min(first_BCHW.shape[2], second_BCHW.shape[2]),
        min(first_BCHW.shape[3], second_BCHW.shape[3]),
    )
