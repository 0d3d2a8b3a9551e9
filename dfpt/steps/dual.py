"""What tune-prompt and distil share: the two paths over a saved teacher, and one training with both."""

from __future__ import annotations

import torch
from torch import Tensor

from dfpt.config import Adapt, Augmentation, Distillation, Prompt, Recipe
from dfpt.context import Context
from dfpt.datasets import ImageSet
from dfpt.distill.dual_forward import DualForwardTeacher, PathSpec, PromptPath, positions
from dfpt.distill.dual_task import DualTask
from dfpt.distill.methods.logits import LEAST_STANDARDISED
from dfpt.distill.places import at_places
from dfpt.errors import UsageError
from dfpt.models import Backbone, ModelSpec
from dfpt.models.backbone import laid_out
from dfpt.models.folded import folded
from dfpt.steps import networks, rounds
from dfpt.training import device
from dfpt.training.features import cached, seen
from dfpt.training.loop import Progress, fit
from dfpt.training.views import FeatureViews, LogitViews, PixelViews, Views, pixels, split

PROBE = "probe.safetensors"  # in the prompt's folder
_BATCH = 128


def path_spec(teacher: Backbone, prompt: Prompt, method: str) -> PathSpec:
    """The path that is asked for over this teacher.

    Raises:
        UsageError: stages that the teacher does not have, or DFPT-KD+ without a stage that it could fine-tune.
    """
    stages = positions(prompt.stages, len(teacher.stages))
    own_stages = method == "dfpt-kd+"
    if own_stages and stages[0] == len(teacher.stages) - 1:
        raise UsageError(
            f"dfpt-kd+ fine-tunes the stages behind the first prompt; behind prompt.stages = {list(prompt.stages)} the "
            "teacher has none.",
            "Name an earlier stage too, such as --set prompt.stages=[-2,-1], or take dfpt-kd.",
        )
    return PathSpec.of(prompt, stages, own_stages)


def with_paths(teacher: Backbone, spec: PathSpec, seed: int) -> DualForwardTeacher:
    """The teacher with an untrained prompt path, initialised from ``seed``."""
    torch.manual_seed(seed)
    return laid_out(DualForwardTeacher(teacher, PromptPath(teacher, spec)))


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
    adapt: Adapt,
    augmentation: Augmentation,
    seed: int,
    context: Context,
) -> Progress:
    """Train the student, and phi with it where it adapts.

    The teacher's shared features come from the cache, or with ``teacher_cache`` off from the teacher in every step, its
    BatchNorm folded. With the cache, a path that does not adapt in every step is not asked in every step either.

    Raises:
        UsageError: a divergence of standardised logits with two classes.
    """
    for section, divergence in (("distillation", distillation.divergence), ("prompt", prompt.divergence)):
        if divergence == "ls" and student_spec.num_classes < LEAST_STANDARDISED:
            raise UsageError(
                f"{section}.divergence = ls teaches nothing with {student_spec.num_classes} classes: standardised, two "
                "logits only say which is larger.",
                f"Take another one, such as {section}.divergence=kl.",
            )
    from_pixels = not distillation.teacher_cache
    if from_pixels:
        frozen = folded(teacher.teacher, teacher_spec.in_channels, teacher_spec.image_size)
        teacher = DualForwardTeacher(laid_out(frozen), teacher.path)
    label_loss = networks.label_loss(images, recipe)
    trained = student.behind(student_spec.frozen_stages)
    task = DualTask(name, trained, teacher, distillation, prompt, adapt != "frozen", label_loss, from_pixels)

    def seen_in(part: str, augment: Augmentation | None) -> list[Views]:
        inputs = pixels(images, part, teacher_spec)
        sources = [seen(student, student_spec, images, part, augment, context, recipe.precision)]
        if from_pixels:
            return [*sources, PixelViews(inputs)]
        count = augment.views if augment else 1
        shared = cached(
            teacher.teacher, teacher.depth, inputs, count, context, teacher_spec.frozen_stages, recipe.precision
        )
        sources.append(FeatureViews(shared))
        return sources + [LogitViews(logits) for logits in _original(teacher, shared, distillation.at_places > 0)]

    train_split = split(images, "train", *seen_in("train", augmentation), augmentation=augmentation)
    val_split = split(images, "val", *seen_in("val", None))
    go = fit if adapt == "joint" or from_pixels else rounds.train
    return go(task, train_split, val_split, recipe, augmentation.views, seed, context)


@torch.no_grad()
def _original(teacher: DualForwardTeacher, shared_VNCHW: Tensor, at_places_too: bool) -> list[Tensor]:
    """z_o (V, N, K) of every view and, if asked, (V, N, K, H, W): the original path is frozen, so it is asked once."""
    views, count = shared_VNCHW.shape[:2]
    found: list[list[Tensor]] = [[], []]
    with device.holding([teacher]):
        for part in torch.split(shared_VNCHW.flatten(0, 1), _BATCH):
            given = part.float().contiguous(memory_format=torch.channels_last).to(device.chosen())
            features = teacher.original_features(given)
            found[0].append(teacher.teacher.head(features).cpu())
            if at_places_too:
                found[1].append(at_places(teacher.teacher.head, features).cpu())
    return [torch.cat(logits).unflatten(0, (views, count)) for logits in found if logits]
