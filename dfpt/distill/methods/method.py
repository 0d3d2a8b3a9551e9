"""The interface of all methods.

Suffixes: B images of a batch, N images of the training split, K classes, C channels, H and W places, D an embedding.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dfpt.distill.wide import wide
from dfpt.models.backbone import Backbone

LabelLoss = Callable[[Tensor, Tensor], Tensor]  # (logits_BK, labels_B) -> scalar; class weights are the caller's


@dataclass(frozen=True)
class Seen:
    """What one network gave for a batch.

    Attributes:
        maps: the features after each stage, (B, C, H, W) each; empty where the method does not need them.
        embedding: the last stage's map, averaged over its places (B, D). Published is what the last layer reads: the
            same where a head is pooling and that layer (CIFAR ResNets, VGG), ours where it has more before it.
        logits: (B, K).
    """

    maps: tuple[Tensor, ...]
    embedding: Tensor
    logits: Tensor

    def detached(self) -> Seen:
        return Seen(tuple(x.detach() for x in self.maps), self.embedding.detach(), self.logits.detach())


def seen(model: Backbone, images_BCHW: Tensor) -> Seen:
    """All that ``model`` gives for the images, in one forward pass."""
    x = model.stem(images_BCHW)
    maps = []
    for stage in model.stages:
        x = stage(x)
        maps.append(x)
    return Seen(tuple(maps), x.mean((2, 3)), model.head(x))


def seen_last(model: Backbone, features_BCHW: Tensor) -> Seen:
    """What ``model`` gives from its last map on: without the maps before it."""
    return Seen((), features_BCHW.mean((2, 3)), model.head(features_BCHW))


@dataclass(frozen=True)
class NetworkShape:
    """What a method must know of a network before the first batch.

    Attributes:
        widths: channels of the output of each stage that is trained; the last one is the embedding's size D.
        num_classes: K.
        frozen: stages before these, which stay as they are and whose maps nobody sees.
    """

    widths: tuple[int, ...]
    num_classes: int
    frozen: int = 0

    @property
    def stages(self) -> int:
        """All of them, the frozen ones too."""
        return self.frozen + len(self.widths)


@dataclass(frozen=True)
class Setting:
    """What a method is made for.

    Attributes:
        label_loss: cross-entropy as the caller wants it, the same for all methods.
        labels_N: of the training split, in the order that ``index_B`` counts in.
    """

    student: NetworkShape
    teacher: NetworkShape
    label_loss: LabelLoss
    labels_N: Tensor = dataclasses.field(repr=False)


class Method(nn.Module, ABC):
    """How a student learns from labels and from a frozen teacher.

    Its parameters (adapters, projections, a temperature) are trained with the student's and vanish after training;
    its buffers (a memory of embeddings) belong into a checkpoint.
    """

    def __init__(self, label_loss: LabelLoss) -> None:
        super().__init__()
        self.label_loss = label_loss

    def losses(
        self, student: Seen, teacher: Seen, labels_B: Tensor, index_B: Tensor, progress: float
    ) -> dict[str, Tensor]:
        """Named scalars; their sum is minimised. The teacher never takes a gradient, half types are widened first.

        Args:
            index_B: positions of the images in the training split.
            progress: how much of the training is behind, from 0 to 1.
        """
        with torch.autocast(student.logits.device.type, enabled=False):
            return self._losses(student, teacher.detached(), labels_B, index_B, progress)

    @abstractmethod
    def _losses(
        self, student: Seen, teacher: Seen, labels_B: Tensor, index_B: Tensor, progress: float
    ) -> dict[str, Tensor]:
        """The same, for a teacher that is detached and with autocast switched off."""

    def _label(self, seen: Seen, labels_B: Tensor) -> Tensor:
        return self.label_loss(wide(seen.logits), labels_B)
