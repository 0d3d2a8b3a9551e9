"""distil: the student learns from the labels and from both paths of the teacher; it alone is kept."""

from __future__ import annotations

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from dfpt.config import DistilConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.datasets import load
from dfpt.errors import UsageError
from dfpt.steps import dual, networks


def run(inputs: Inputs, outputs: Outputs, config: DistilConfig, context: Context) -> Metrics:
    """Takes dataset, validation, teacher and prompt, gives student."""
    images = load(inputs["dataset"], inputs["validation"])
    distillation = config.distillation
    teacher, teacher_spec = dual.teacher_with_paths(inputs["teacher"], config.prompt, distillation.method, config.seed)
    student, spec = networks.new_student(config.student, images, config.seed)
    _restore(teacher.path, inputs, "prompt.safetensors")
    if distillation.warm_start:
        _restore(student, inputs, "probe.safetensors")
    progress = dual.train(
        "distil",
        teacher,
        teacher_spec,
        student,
        spec,
        images,
        config.student.recipe,
        distillation,
        config.prompt,
        distillation.adapt == "joint",
        config.augmentation.views,
        config.seed,
        context,
    )
    figures = networks.write(student, spec, progress, outputs["student"])
    return figures | {"teacher_to_student": teacher_spec.parameters / spec.parameters}


def _restore(module: nn.Module, inputs: Inputs, name: str) -> None:
    path = inputs["prompt"] / name
    try:
        module.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise UsageError(
            f"{path} does not fit this configuration: {error}", "Run tune-prompt again with it."
        ) from error
