"""From stored pixels to a network's input, and its exact views: batched, where the pixels are, no loop over images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

VIEWS = 8  # the dihedral group: four rotations, each with its mirror image


def to_input(pixels_BHWC: Tensor, image_size: int, in_channels: int, mean: float, std: float) -> Tensor:
    """uint8 pixels (B, H, W, C) -> normalised float32 (B, in_channels, image_size, image_size).

    Resizing averages areas where it shrinks. Grey becomes colour by repetition, colour becomes grey by the channels'
    mean.
    """
    x = pixels_BHWC.permute(0, 3, 1, 2).float().div_(255)
    if x.shape[1] != in_channels:
        x = x.expand(-1, in_channels, -1, -1) if x.shape[1] == 1 else x.mean(1, keepdim=True)
    if x.shape[2:] != (image_size, image_size):
        x = F.interpolate(x, size=(image_size, image_size), mode="bilinear", antialias=True, align_corners=False)
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def dihedral(x_BCHW: Tensor, views_B: Tensor) -> Tensor:
    """Each image in its own view: ``views_B`` counts quarter turns (0 to 3), plus 4 for a mirror image first.

    The images may be on a GPU; ``views_B`` is on the CPU, where it was drawn, so no GPU is asked which are there.
    """
    turned = torch.empty_like(x_BCHW)
    for view in range(VIEWS):
        chosen = views_B == view
        if bool(chosen.any()):
            x = x_BCHW[chosen]
            turned[chosen] = torch.rot90(x.flip(3) if view >= 4 else x, view % 4, (2, 3))
    return turned
