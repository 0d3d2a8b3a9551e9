"""One training with a method that DFPT-KD is compared with; with TAKD two, the assistant's first."""

from __future__ import annotations

import dataclasses

import torch

from dfpt.config import Augmentation, Distillation, Recipe
from dfpt.context import Context
from dfpt.datasets import ImageSet
from dfpt.distill.method_task import MethodTask
from dfpt.distill.methods import METHODS, NetworkShape, create
from dfpt.method_options import Takd
from dfpt.models import Backbone, ModelSpec
from dfpt.models.backbone import laid_out
from dfpt.models.folded import folded
from dfpt.steps import networks
from dfpt.training.features import cached, seen
from dfpt.training.loop import Progress, fit
from dfpt.training.views import FeatureViews, PixelViews, Positions, Split, Views, pixels, split


def train(
    name: str,
    teacher: Backbone,
    teacher_spec: ModelSpec,
    student: Backbone,
    student_spec: ModelSpec,
    images: ImageSet,
    recipe: Recipe,
    distillation: Distillation,
    augmentation: Augmentation,
    seed: int,
    context: Context,
) -> tuple[Progress, float]:
    """Train the student by ``distillation.method`` with a frozen teacher, or with an assistant between the two.

    Where the views are exact the teacher's last feature map comes from the cache; a method that asks for the maps
    before it, or ``teacher_cache`` off, has the teacher run in every step.

    Returns:
        The student's training, and the seconds of an assistant's before it.
    """
    teacher, before = laid_out(teacher), 0.0
    if "assistant" in METHODS[distillation.method].needs:
        teacher, teacher_spec, before = _assistant(
            teacher, teacher_spec, student_spec, images, recipe, distillation, augmentation, seed, context
        )
    trained = student.behind(student_spec.frozen_stages)
    torch.manual_seed(seed)  # the method's own parameters
    method = create(
        distillation.method,
        NetworkShape(trained.widths, student_spec.num_classes, student_spec.frozen_stages),
        NetworkShape(teacher.widths, teacher_spec.num_classes),
        networks.label_loss(images, recipe),
        torch.from_numpy(images.labels("train")),
        distillation.options,
    )
    from_last = distillation.teacher_cache and "maps" not in METHODS[distillation.method].needs

    def seen_in(part: str, augment: Augmentation | None) -> Split:
        inputs = pixels(images, part, teacher_spec)
        given: Views = PixelViews(inputs)
        if from_last:
            last = len(teacher.stages)
            count = augment.views if augment else 1
            given = FeatureViews(
                cached(teacher, last, inputs, count, context, teacher_spec.frozen_stages, recipe.precision)
            )
        own = seen(student, student_spec, images, part, augment, context, recipe.precision)
        return split(images, part, own, given, Positions(), augmentation=augment)

    if not distillation.teacher_cache:  # with it a teacher that is asked for maps computes what it always has
        teacher = laid_out(folded(teacher, teacher_spec.in_channels, teacher_spec.image_size))
    task = MethodTask(name, trained, teacher, method, from_last)
    parts = seen_in("train", augmentation), seen_in("val", None)
    return fit(task, *parts, recipe, augmentation.views, seed, context), before


def _assistant(
    teacher: Backbone,
    teacher_spec: ModelSpec,
    student_spec: ModelSpec,
    images: ImageSet,
    recipe: Recipe,
    distillation: Distillation,
    augmentation: Augmentation,
    seed: int,
    context: Context,
) -> tuple[Backbone, ModelSpec, float]:
    """The network between the two, taught by the teacher with KD and the student's recipe; frozen from here on.

    With it the seconds that its training took.

    Its checkpoints are its own, so an interrupted distillation goes on where it was, before or after the assistant.
    """
    options = Takd.model_validate(distillation.options)
    size = options.image_size or student_spec.image_size
    assistant, spec = networks.new(options.assistant, size, images, seed, options.pretrained)
    networks.warn_of_size(teacher_spec, spec, context)
    networks.warn_of_size(spec, student_spec, context)
    by_kd = distillation.model_copy(
        update={"method": "kd", "options": options.model_dump(exclude={"assistant", "image_size", "pretrained"})}
    )
    context = dataclasses.replace(context, checkpoints=context.checkpoints / "assistant")
    progress, _ = train(
        "the assistant", teacher, teacher_spec, assistant, spec, images, recipe, by_kd, augmentation, seed, context
    )
    return laid_out(assistant).eval(), spec, progress.seconds  # whatever format its training chose
