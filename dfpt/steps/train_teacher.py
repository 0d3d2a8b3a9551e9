"""train-teacher: the large network, fine-tuned from packaged weights or trained from scratch."""

from __future__ import annotations

import dataclasses

from dfpt import licences, packaged_weights
from dfpt.config import Teacher, TrainTeacherConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.datasets import load
from dfpt.errors import UsageError
from dfpt.models import ModelSpec
from dfpt.steps import networks, teacher_weights


def run(inputs: Inputs, outputs: Outputs, config: TrainTeacherConfig, context: Context) -> Metrics:
    """Takes dataset and validation, gives teacher.

    With pre-trained or given weights the stem and the first ``frozen_stages`` stages stay as they are; their features
    are computed once for every view, and only the rest is trained. Given weights and no epochs: nothing is trained.
    """
    images = load(inputs["dataset"], inputs["validation"])
    teacher = config.teacher
    # Pairs are the teacher's own affair: it has teacher.mixup.
    augmentation = config.augmentation.model_copy(update={"mixup": 0.0, "cutmix": 0.0})
    if teacher.weights:
        model, spec = teacher_weights.load(teacher, images, config.seed, context)
    else:
        model, spec = networks.new(teacher.model, teacher.image_size, images, config.seed, teacher.pretrained)
    frozen = teacher.frozen_stages if teacher.pretrained or teacher.weights else 0
    if frozen > len(model.stages):
        raise UsageError(
            f"teacher.frozen_stages = {frozen}, but {teacher.model} has {len(model.stages)} stages.",
            f"Give at most {len(model.stages)}.",
        )
    spec = dataclasses.replace(spec, frozen_stages=frozen, licence=teacher.licence or _licence(teacher, spec))
    progress = networks.train_alone(
        "train-teacher", model, spec, images, teacher.recipe, augmentation, config.seed, context, teacher.mixup
    )
    return networks.write(model, spec, progress, outputs["teacher"])


def _licence(teacher: Teacher, given: ModelSpec) -> str | None:
    """Of the weights that the teacher began with; of those from elsewhere what they say, if they say anything."""
    if teacher.weights:
        return given.licence
    return packaged_weights.licence(teacher.model) if teacher.pretrained else licences.TRAINED_HERE
