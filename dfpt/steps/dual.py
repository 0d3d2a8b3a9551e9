"""What tune-prompt and distil share: the two paths over a saved teacher, and one training with both."""

from __future__ import annotations

from pathlib import Path

import torch

from dfpt.config import Distillation, Prompt, Recipe
from dfpt.context import Context
from dfpt.datasets import ImageSet
from dfpt.distill.dual_forward import DualForwardTeacher, PromptPath, positions
from dfpt.distill.dual_task import DualTask
from dfpt.models import Backbone, ModelSpec, load
from dfpt.steps import networks
from dfpt.training.features import cached
from dfpt.training.loop import Progress, fit
from dfpt.training.views import FeatureViews, PixelViews, pixels, split


def teacher_with_paths(folder: Path, prompt: Prompt, method: str, seed: int) -> tuple[DualForwardTeacher, ModelSpec]:
    """The saved teacher with a neutral prompt path, initialised from ``seed``."""
    teacher, spec = load(folder)
    torch.manual_seed(seed)
    path = PromptPath(
        teacher,
        positions(prompt.stages, len(teacher.stages)),
        prompt.ratio,
        prompt.partial,
        prompt.kernels,
        own_stages=method == "dfpt-kd+",
    )
    dual: DualForwardTeacher = DualForwardTeacher(teacher, path).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return dual, spec


def train(
    name: str,
    teacher: DualForwardTeacher,
    teacher_spec: ModelSpec,
    student: Backbone,
    student_spec: ModelSpec,
    images: ImageSet,
    recipe: Recipe,
    distillation: Distillation,
    prompt: Prompt,
    adapt: bool,
    views: int,
    seed: int,
    context: Context,
) -> Progress:
    """Train the student, and phi with it where it adapts; the teacher's shared features come from the cache."""
    task = DualTask(
        name, student, teacher, distillation, prompt, adapt, networks.weights(images, recipe), recipe.label_smoothing
    )
    train_split, val_split = (
        split(
            images,
            part,
            PixelViews(pixels(images, part, student_spec)),
            FeatureViews(
                cached(
                    teacher.teacher,
                    teacher.depth,
                    pixels(images, part, teacher_spec),
                    count,
                    context,
                    after=teacher_spec.frozen_stages,
                )
            ),
        )
        for part, count in (("train", views), ("val", 1))
    )
    return fit(task, train_split, val_split, recipe, views, seed, context)
