"""Splits and tasks for tests: grey 8 x 8 images that are dark, medium or bright by class, and small real networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dfpt import models
from dfpt.config import Distillation, Prompt, Recipe
from dfpt.context import Context
from dfpt.distill.dual_forward import DualForwardTeacher, PathSpec, PromptPath
from dfpt.distill.dual_task import DualTask
from dfpt.distill.places import at_places
from dfpt.models import Backbone
from dfpt.models.backbone import laid_out
from dfpt.training.classification import Classification
from dfpt.training.label_loss import LabelLoss
from dfpt.training.views import FeatureViews, LogitViews, PixelViews, Split, Views

CLASSES, SIZE = 3, 8
RECIPE = Recipe(epochs=2, batch_size=8, lr=0.01, precision="float32", memory_format="channels_last")
PROMPT = Prompt(stages=(0, 1), lr=0.01)
LABEL_LOSS = LabelLoss(torch.ones(CLASSES), 0.1)


def pictures(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 8, 8) and labels (N,); the classes overlap, so that there is something to learn."""
    labels = np.arange(count) % CLASSES
    images = np.random.default_rng(seed).normal(0, 1, (count, 1, SIZE, SIZE)) + 0.3 * labels[:, None, None, None] - 0.3
    return torch.from_numpy(images).float(), torch.from_numpy(labels)


def network(name: str = "tiny_20k", seed: int = 0) -> Backbone:
    torch.manual_seed(seed)
    return _laid_out(models.create(name, CLASSES, 1, SIZE))


def teacher(name: str = "resnet8", size: int = SIZE, seed: int = 1) -> Backbone:
    """A network in eval mode that is sure of itself and whose BatchNorm statistics are not those of a new one."""
    torch.manual_seed(seed)
    model = _laid_out(models.create(name, CLASSES, 1, size)).train()
    with torch.no_grad():
        model(torch.randn(6, 1, size, size) * 2 + 1)
        model.head[-1].weight.mul_(8)  # type: ignore[index]
    return model.eval()


def _laid_out(model: Backbone) -> Backbone:
    """In the memory format that the steps train in."""
    return laid_out(model)


def dual_teacher(original: Backbone, method: str = "dfpt-kd", stages: tuple[int, ...] = (0, 1)) -> DualForwardTeacher:
    torch.manual_seed(2)
    return DualForwardTeacher(original, PromptPath(original, PathSpec.of(PROMPT, stages, method == "dfpt-kd+")))


def dual_task(
    paths: DualForwardTeacher, distillation: Distillation | None = None, adapt: bool = True, student: str = "tiny_20k"
) -> DualTask:
    return DualTask("made-up", network(student), paths, distillation or Distillation(), PROMPT, adapt, LABEL_LOSS)


def plain_task(model: Backbone, mixup: float = 0.0) -> Classification:
    return Classification("made-up", model, LABEL_LOSS, mixup)


def split(
    count: int, paths: DualForwardTeacher | None = None, seed: int = 0, views: int = 1, places: bool = False
) -> Split:
    """Images for the student and, where there are paths, what these share and z_o (the same in every view)."""
    images, labels = pictures(count, seed)
    sources: list[Views] = [PixelViews(images)]
    if paths is not None:
        features = torch.cat([paths.shared(part) for part in torch.split(images, 8)])
        z_o = torch.cat([paths.teacher(part) for part in torch.split(images, 8)])
        sources.append(FeatureViews(features.expand(views, *features.shape)))
        sources.append(LogitViews(z_o.expand(views, *z_o.shape)))
        if places:
            places_o = at_places(paths.teacher.head, paths.original_features(features))
            sources.append(LogitViews(places_o.expand(views, *places_o.shape)))
    return Split([f"image-{number}" for number in range(count)], labels, tuple(sources))


def context(place: Path) -> Context:
    return Context(place / "home", place / "checkpoints")
