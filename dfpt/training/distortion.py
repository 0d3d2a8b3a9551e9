"""Random changes of a batch on the device that no cache can hold: crop, flip, mixup, CutMix.

What is drawn is relative to the image's side, and the same for every network that sees the batch: teacher and student
read the same crop of the same mixture, each at its own resolution. That is why this is not kornia's, whose draws belong
to one size. All draws come from a generator of their own, so that no dropout shifts them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional as F

from dfpt.config import Augmentation


@dataclass(frozen=True)
class Distortion:
    """One draw after the other for a batch; inputs are images (B, C, S, S), labels (B,).

    Attributes:
        crop: the image is padded with its mean by this share of its side, and a window of its size is cut out.
        flip: every second image is mirrored.
        mixup, cutmix: alpha of the Beta distribution of a pair's shares; where both are set, each batch takes one.
        num_classes: K, for the labels of mixtures.
    """

    crop: float
    flip: bool
    mixup: float
    cutmix: float
    num_classes: int

    def __call__(
        self, labels_B: Tensor, images: tuple[Tensor, ...], random: Generator
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The labels, (B, K) probabilities where images were mixed, and every network's images."""
        count = len(labels_B)
        if self.crop:
            place_B2 = random.random((count, 2))
            images = tuple(cropped(x, self.crop, place_B2) for x in images)
        if self.flip:
            mirrored_B = torch.from_numpy(random.random(count) < 0.5)[:, None, None, None]
            images = tuple(torch.where(mirrored_B.to(x.device), x.flip(3), x) for x in images)
        if not (self.mixup or self.cutmix):
            return labels_B, images
        by_mixup = random.random() < 0.5 if self.mixup and self.cutmix else bool(self.mixup)
        alpha = self.mixup if by_mixup else self.cutmix
        share = float(random.beta(alpha, alpha))
        other_B = torch.from_numpy(random.permutation(count))
        if by_mixup:
            images = tuple(torch.lerp(x[other_B], x, share) for x in images)
        else:
            box = box_of(1 - share, *random.random(2))
            images = tuple(pasted(x, x[other_B], box) for x in images)
            top, bottom, left, right = box
            share = 1 - (bottom - top) * (right - left)
        first_BK = F.one_hot(labels_B, self.num_classes).float()
        return torch.lerp(first_BK[other_B], first_BK, share), images


def of(augmentation: Augmentation, num_classes: int) -> Distortion | None:
    """What ``augmentation`` asks for; None where its views are all."""
    if augmentation.exact:
        return None
    return Distortion(augmentation.crop, augmentation.flip, augmentation.mixup, augmentation.cutmix, num_classes)


def cropped(images_BCHW: Tensor, share: float, place_B2: np.ndarray) -> Tensor:
    """A window of the image's size out of the padded image (0 is the mean of a normalised image).

    Args:
        share: of the side that is padded on every side; 4 pixels of 32 are 0.125.
        place_B2: row and column of the window, from 0 to 1.
    """
    batch, channels, height, width = images_BCHW.shape
    pad_y, pad_x = round(share * height), round(share * width)
    padded = F.pad(images_BCHW, (pad_x, pad_x, pad_y, pad_y))
    place = torch.from_numpy(place_B2)
    rows = (place[:, :1] * (2 * pad_y + 1)).long() + torch.arange(height)
    columns = (place[:, 1:] * (2 * pad_x + 1)).long() + torch.arange(width)
    batch_index, channel_index = torch.arange(batch)[:, None, None, None], torch.arange(channels)[None, :, None, None]
    window = padded[batch_index, channel_index, rows[:, None, :, None], columns[:, None, None, :]]
    return window.contiguous(memory_format=torch.channels_last)


def box_of(area: float, row: float, column: float) -> tuple[float, float, float, float]:
    """(top, bottom, left, right), shares of the side: a square of ``area`` round a centre, cut off at the border.

    Source: Yun et al. 2019, arXiv 1905.04899.
    """
    half = area**0.5 / 2
    return max(row - half, 0.0), min(row + half, 1.0), max(column - half, 0.0), min(column + half, 1.0)


def pasted(onto_BCHW: Tensor, from_BCHW: Tensor, box: tuple[float, float, float, float]) -> Tensor:
    """``onto`` with the box out of ``from``; neither is changed."""
    height, width = onto_BCHW.shape[2:]
    top, bottom, left, right = box
    rows, columns = slice(round(top * height), round(bottom * height)), slice(round(left * width), round(right * width))
    found = onto_BCHW.clone()
    found[:, :, rows, columns] = from_BCHW[:, :, rows, columns]
    return found
