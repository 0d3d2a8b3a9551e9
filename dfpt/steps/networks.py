"""What the training steps share: a new network for a data set, its splits, and how a trained one is written."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from dfpt import licences, packaged_weights
from dfpt.config import Augmentation, Recipe, Student
from dfpt.context import Context, Metrics
from dfpt.datasets import ImageSet
from dfpt.errors import UsageError
from dfpt.models import Backbone, ModelSpec, create, normalisation, save
from dfpt.models.backbone import count_parameters, laid_out
from dfpt.training.classification import Classification
from dfpt.training.features import seen
from dfpt.training.label_loss import LabelLoss, class_weights, log_prior
from dfpt.training.loop import Progress, fit, write_history
from dfpt.training.views import split


def new(
    name: str, image_size: int, images: ImageSet, seed: int, pretrained: bool = False
) -> tuple[Backbone, ModelSpec]:
    """A network for this data set, initialised from ``seed`` alone, so that equal networks start equal."""
    torch.manual_seed(seed)
    task = images.task
    model = create(name, len(task.classes), task.channels, image_size, pretrained)
    mean, std = normalisation(name) if pretrained else _statistics(images)
    classes, parameters = tuple(task.classes), count_parameters(model)
    spec = ModelSpec(name, task.channels, image_size, mean, std, classes, parameters, data_hash=task.data_hash)
    return laid_out(model), spec


def new_student(config: Student, images: ImageSet, seed: int) -> tuple[Backbone, ModelSpec]:
    """The student as it is before any training: baseline, probe and student of one seed are the same network.

    Raises:
        UsageError: no stage of it would be left to train.
    """
    model, spec = new(config.model, config.image_size, images, seed, config.pretrained)
    if config.frozen_stages >= len(model.stages):
        raise UsageError(
            f"student.frozen_stages = {config.frozen_stages}, but {config.model} has {len(model.stages)} stages.",
            f"Give at most {len(model.stages) - 1}.",
        )
    licence = packaged_weights.licence(config.model) or licences.UNKNOWN if config.pretrained else None
    return model, dataclasses.replace(spec, frozen_stages=config.frozen_stages, licence=licence)


def label_loss(images: ImageSet, recipe: Recipe) -> LabelLoss:
    """Cross-entropy as the recipe wants it, from the training split's labels."""
    labels, count = torch.from_numpy(images.labels("train")), len(images.task.classes)
    adjustment = recipe.logit_adjustment * log_prior(labels, count) if recipe.logit_adjustment else None
    return LabelLoss(class_weights(labels, count, recipe.class_balance), recipe.label_smoothing, adjustment)


def check_pair(teacher: ModelSpec, student: ModelSpec, images: ImageSet, context: Context) -> None:
    """Before any training: whether the teacher can teach this student on these images.

    Raises:
        UsageError: it knows other classes, or reads images of other channels.
    """
    if teacher.classes != images.task.classes:
        raise UsageError(
            f"The teacher {teacher.name} knows {len(teacher.classes)} classes ({', '.join(teacher.classes)}); the data "
            f"has {len(images.task.classes)} ({', '.join(images.task.classes)}).",
            "Train it on this data.",
        )
    if teacher.in_channels != images.task.channels:
        raise UsageError(
            f"The teacher {teacher.name} reads images of {teacher.in_channels} channels; those of the data have "
            f"{images.task.channels}.",
            "Train it on this data.",
        )
    stored = images.task.image_size
    for role, spec in (("teacher", teacher), ("student", student)):
        if spec.image_size > stored:
            context.reporter.warn(
                f"the {role} {spec.name} reads images of {spec.image_size} pixels and they are stored at {stored} "
                "(data.image_size): they are enlarged, which costs time and shows nothing more"
            )
    warn_of_size(teacher, student, context)


def warn_of_size(teacher: ModelSpec, student: ModelSpec, context: Context) -> None:
    """Say what it means where the student is not smaller than whoever teaches it."""
    if student.parameters >= teacher.parameters:
        context.reporter.warn(
            f"the student {student.name} ({student.parameters} parameters) is not smaller than its teacher "
            f"{teacher.name} ({teacher.parameters}): distillation fits a large network's knowledge into a small one; "
            "here it has little to give, and may teach its own mistakes"
        )


def train_alone(
    name: str,
    model: Backbone,
    spec: ModelSpec,
    images: ImageSet,
    recipe: Recipe,
    augmentation: Augmentation,
    seed: int,
    context: Context,
    mixup: float = 0.0,
) -> Progress:
    """Train ``model``, but for its frozen stages, on labels alone; what is frozen sees no random changes."""
    task = Classification(name, model.behind(spec.frozen_stages), label_loss(images, recipe), mixup)
    train, val = (
        split(images, part, seen(model, spec, images, part, given, context, recipe.precision), augmentation=changed)
        for part, given, changed in (
            ("train", augmentation, None if spec.frozen_stages else augmentation),
            ("val", None, None),
        )
    )
    return fit(task, train, val, recipe, augmentation.views, seed, context)


def write(model: Backbone, spec: ModelSpec, progress: Progress, folder: Path) -> Metrics:
    """The network and its history; returns the figures of the epoch that was kept and of the last one."""
    save(model, spec, folder)
    write_history(progress.history, folder / "history.csv")
    return {"parameters": float(spec.parameters)} | summary(progress)


def summary(progress: Progress) -> Metrics:
    """Validation figures of the selected epoch, and the last epoch's beside them."""
    if not progress.history:
        return {"epochs": 0.0}
    kept, last = progress.history[progress.best_epoch], progress.history[-1]
    figures = {name: value for name, value in kept.items() if name.startswith("val_")}
    return figures | {
        "epochs": float(progress.epoch),
        "best_epoch": float(progress.best_epoch),
        "last_val_accuracy": last["val_accuracy"],
        "training_seconds": progress.seconds,
        "bfloat16": float(progress.bfloat16),
        "channels_last": float(progress.channels_last),
    }


def _statistics(images: ImageSet) -> tuple[float, float]:
    """Mean and standard deviation of the training pixels on [0, 1], from the manifest's figures of each image."""
    train = images.manifest[images.manifest["split"] == "train"]
    mean = float(train["mean"].mean())
    variance = float((train["std"] ** 2 + train["mean"] ** 2).mean()) - mean**2
    return mean, max(variance, 1e-6) ** 0.5
