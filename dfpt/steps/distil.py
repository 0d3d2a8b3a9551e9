"""distil: the student learns from the labels and from the teacher, by DFPT-KD from both its paths.

The student is kept alone. The prompt path as it taught at the end is a thing of its own: evaluate asks it, production
never sees it.
"""

from __future__ import annotations

from dfpt import models
from dfpt.config import DistilConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.datasets import ImageSet, load
from dfpt.distill import saved
from dfpt.distill.overhead import overhead
from dfpt.models import Backbone, ModelSpec
from dfpt.steps import dual, networks, rival
from dfpt.training.loop import Progress

Network = tuple[Backbone, ModelSpec]


def run(inputs: Inputs, outputs: Outputs, config: DistilConfig, context: Context) -> Metrics:
    """Takes dataset, validation, teacher and prompt, gives student and path (empty for a method without one)."""
    images = load(inputs["dataset"], inputs["validation"])
    teacher, student = models.load(inputs["teacher"]), networks.new_student(config.student, images, config.seed)
    networks.check_pair(teacher[1], student[1], images, context)
    figures, before = Metrics(), 0.0
    if config.distillation.by_both_paths:
        progress, figures = _by_both_paths(inputs, outputs, config, teacher, student, images, context)
    else:
        progress, before = _by_a_rival(config, teacher, student, images, context)
        outputs["path"].mkdir(parents=True)
    figures |= networks.write(*student, progress, outputs["student"])
    figures["training_seconds"] = progress.seconds + before
    return figures | {"teacher_to_student": teacher[1].parameters / student[1].parameters}


def _by_both_paths(
    inputs: Inputs,
    outputs: Outputs,
    config: DistilConfig,
    teacher: Network,
    student: Network,
    images: ImageSet,
    context: Context,
) -> tuple[Progress, Metrics]:
    distillation = config.distillation
    spec = dual.path_spec(teacher[0], config.prompt, distillation.method)
    paths = dual.with_paths(teacher[0], spec, config.seed)
    saved.restore(paths.path, inputs["prompt"] / saved.WEIGHTS)
    if distillation.warm_start:
        saved.restore(student[0], inputs["prompt"] / dual.PROBE)
    progress = dual.train(
        "distil",
        paths,
        teacher[1],
        *student,
        images,
        config.student.recipe,
        distillation,
        config.prompt,
        distillation.adapt,
        config.augmentation,
        config.seed,
        context,
    )
    saved.save(paths.path, outputs["path"])
    return progress, overhead(paths, teacher[1].in_channels, teacher[1].image_size)


def _by_a_rival(
    config: DistilConfig, teacher: Network, student: Network, images: ImageSet, context: Context
) -> tuple[Progress, float]:
    return rival.train(
        "distil",
        *teacher,
        *student,
        images,
        config.student.recipe,
        config.distillation,
        config.augmentation,
        config.seed,
        context,
    )
