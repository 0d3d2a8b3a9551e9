"""What two networks gave for a batch, made up; and small real networks of unequal depth, width and resolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from dfpt import models
from dfpt.distill.methods import Method, NetworkShape, Seen, create
from dfpt.models import Backbone

CLASSES, SIZE, IMAGES = 3, 8, 24
STUDENT, TEACHER = NetworkShape((4, 6, 8), CLASSES), NetworkShape((5, 7, 9), CLASSES)
LABELS_N = torch.arange(IMAGES) % CLASSES


def label_loss(logits_BK: Tensor, labels_B: Tensor) -> Tensor:
    return F.cross_entropy(logits_BK, labels_B)


def method(name: str, student: NetworkShape = STUDENT, teacher: NetworkShape = TEACHER, **options: Any) -> Method:
    torch.manual_seed(0)
    return create(name, student, teacher, label_loss, LABELS_N, options)


def answers(shape: NetworkShape, grid: int, count: int = 6, seed: int = 0, **kind: Any) -> Seen:
    """Random maps (of half the places from stage to stage), embedding and logits, each a leaf that takes gradients."""
    torch.manual_seed(seed)
    maps = [torch.randn(count, width, max(1, grid >> i), max(1, grid >> i)) for i, width in enumerate(shape.widths)]
    leaves = [*maps, torch.randn(count, shape.widths[-1]), 2 * torch.randn(count, shape.num_classes)]
    *maps, embedding, logits = (leaf.to(**kind).requires_grad_() for leaf in leaves)
    return Seen(tuple(maps), embedding, logits)


def leaves(seen: Seen) -> list[Tensor]:
    return [*seen.maps, seen.embedding, seen.logits]


def network(name: str, seed: int) -> Backbone:
    torch.manual_seed(seed)
    return models.create(name, CLASSES, 1, SIZE)


def shape_of(model: Backbone) -> NetworkShape:
    return NetworkShape(model.widths, CLASSES)
