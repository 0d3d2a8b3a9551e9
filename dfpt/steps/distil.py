"""distil: the student learns from the labels and from the teacher, by DFPT-KD from both its paths; it alone is kept."""

from __future__ import annotations

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from dfpt import models
from dfpt.config import DistilConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.datasets import ImageSet, load
from dfpt.errors import UsageError
from dfpt.models import Backbone, ModelSpec
from dfpt.steps import dual, networks, rival
from dfpt.training.loop import Progress

Network = tuple[Backbone, ModelSpec]


def run(inputs: Inputs, outputs: Outputs, config: DistilConfig, context: Context) -> Metrics:
    """Takes dataset, validation, teacher and prompt, gives student."""
    images = load(inputs["dataset"], inputs["validation"])
    teacher, student = models.load(inputs["teacher"]), networks.new_student(config.student, images, config.seed)
    if config.distillation.by_both_paths:
        progress = _by_both_paths(inputs, config, teacher, student, images, context)
    else:
        progress = _by_a_rival(config, teacher, student, images, context)
    figures = networks.write(*student, progress, outputs["student"])
    return figures | {"teacher_to_student": teacher[1].parameters / student[1].parameters}


def _by_both_paths(
    inputs: Inputs, config: DistilConfig, teacher: Network, student: Network, images: ImageSet, context: Context
) -> Progress:
    distillation = config.distillation
    paths = dual.with_paths(teacher[0], config.prompt, distillation.method, config.seed)
    _restore(paths.path, inputs, "prompt.safetensors")
    if distillation.warm_start:
        _restore(student[0], inputs, "probe.safetensors")
    return dual.train(
        "distil",
        paths,
        teacher[1],
        *student,
        images,
        config.student.recipe,
        distillation,
        config.prompt,
        distillation.adapt == "joint",
        config.augmentation.views,
        config.seed,
        context,
    )


def _by_a_rival(
    config: DistilConfig, teacher: Network, student: Network, images: ImageSet, context: Context
) -> Progress:
    return rival.train(
        "distil",
        *teacher,
        *student,
        images,
        config.student.recipe,
        config.distillation,
        config.augmentation.views,
        config.seed,
        context,
    )


def _restore(module: nn.Module, inputs: Inputs, name: str) -> None:
    path = inputs["prompt"] / name
    try:
        module.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise UsageError(
            f"{path} does not fit this configuration: {error}", "Run tune-prompt again with it."
        ) from error
