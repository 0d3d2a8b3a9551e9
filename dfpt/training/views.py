"""Where a batch's inputs come from: images or cached features, in the view that the loop asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from dfpt.config import Augmentation
from dfpt.datasets import ImageSet
from dfpt.datasets.batches import dihedral, to_input
from dfpt.models import ModelSpec
from dfpt.training import device, distortion
from dfpt.training.distortion import Distortion


class Views(Protocol):
    """What a task reads of the images of one split."""

    def __call__(self, index_B: Tensor, views_B: Tensor) -> Tensor:
        """The rows (B, ...) of the images at ``index_B``, each in its view of ``views_B``; float32, on any device."""


@dataclass(frozen=True)
class PixelViews:
    """Normalised images (N, C, S, S), turned on demand and on the device."""

    images_NCHW: Tensor

    def __call__(self, index_B: Tensor, views_B: Tensor) -> Tensor:
        x_BCHW = self.images_NCHW[index_B].to(device.chosen())
        return dihedral(x_BCHW, views_B).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class NoisyViews:
    """What a sensor might have seen: normal noise on normalised images, of a strength that each image draws anew.

    Drawn on the device by torch's generator, which begins anew in every batch: the methods of a seed are shown the same
    noise.

    Attributes:
        most: largest standard deviation, on the scale of the normalised images.
    """

    images: Views
    most: float

    def __call__(self, index_B: Tensor, views_B: Tensor) -> Tensor:
        x_BCHW = self.images(index_B, views_B)
        strength_B111 = self.most * torch.rand(len(x_BCHW), 1, 1, 1, device=x_BCHW.device)
        return x_BCHW + strength_B111 * torch.randn_like(x_BCHW)


@dataclass(frozen=True)
class FeatureViews:
    """Features (V, N, C, H, W) that the frozen part of a network gave for every view."""

    features_VNCHW: Tensor

    def __call__(self, index_B: Tensor, views_B: Tensor) -> Tensor:
        return self.features_VNCHW[views_B, index_B].float().contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class LogitViews:
    """Logits (V, N, K, ...) that a frozen network gave for every view."""

    logits_VNK: Tensor

    def __call__(self, index_B: Tensor, views_B: Tensor) -> Tensor:
        return self.logits_VNK[views_B, index_B]


@dataclass(frozen=True)
class Positions:
    """The images' positions in the split (B,), int64, whatever the view: for a method that remembers each image."""

    def __call__(self, index_B: Tensor, views_B: Tensor) -> Tensor:
        return index_B


@dataclass(frozen=True)
class Split:
    """One split as the loop reads it.

    Attributes:
        ids: the images' names, for messages.
        labels: (N,), int64.
        sources: of the task's inputs, in their order.
        distortion: of the images of a training batch; all its inputs are images then.
    """

    ids: Sequence[str]
    labels: Tensor
    sources: tuple[Views, ...]
    distortion: Distortion | None = None

    def named(self, index_B: Tensor) -> str:
        """These images, the first few by their ids, for a message."""
        ids = [self.ids[i] for i in index_B.tolist()]
        return ", ".join(ids[:8]) + (f" and {len(ids) - 8} more" if len(ids) > 8 else "")

    def inputs(self, index_B: Tensor, views_B: Tensor) -> tuple[Tensor, ...]:
        """What a task reads of these images, on the device."""
        return tuple(source(index_B, views_B).to(device.chosen()) for source in self.sources)

    def batch(self, index_B: Tensor, views_B: Tensor, random: Generator) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Labels and inputs to train on, on the device; ``random`` draws the distortion."""
        labels_B, inputs = self.labels[index_B].to(device.chosen()), self.inputs(index_B, views_B)
        if self.distortion is None:
            return labels_B, inputs
        images = tuple(x for x in inputs if x.dim() == 4)
        labels, images = self.distortion(labels_B, images, random)
        return labels, images + inputs[len(images) :]


def split(images: ImageSet, name: str, *sources: Views, augmentation: Augmentation | None = None) -> Split:
    """The split ``name`` with these sources, and where ``augmentation`` is given with its random changes."""
    chosen = images.manifest["split"] == name
    distort = distortion.of(augmentation, len(images.task.classes)) if augmentation else None
    return Split(images.manifest["id"][chosen].tolist(), torch.from_numpy(images.labels(name)), sources, distort)


def pixels(images: ImageSet, name: str, spec: ModelSpec) -> Tensor:
    """The images of a split as the input (N, C, S, S) of the network that ``spec`` describes."""
    rows = images.rows(name)
    parts = [torch.zeros(0, spec.in_channels, spec.image_size, spec.image_size)]
    for start in range(0, len(rows), 512):
        stored = torch.from_numpy(np.asarray(images.images[rows[start : start + 512]]))
        parts.append(to_input(stored, spec.image_size, spec.in_channels, spec.mean, spec.std))
    return torch.cat(parts)
