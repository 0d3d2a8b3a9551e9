"""tune-prompt: phi learns, against a probe of the student's architecture, to translate the teacher's knowledge.

The paper trains both together; the step of its own is ours, so that tuned prompts can be inspected, kept and reused.
"""

from __future__ import annotations

from safetensors.torch import save_file

from dfpt import models
from dfpt.config import TunePromptConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.datasets import load
from dfpt.distill import saved
from dfpt.distill.overhead import overhead
from dfpt.steps import dual, networks
from dfpt.training.loop import Progress, write_history


def run(inputs: Inputs, outputs: Outputs, config: TunePromptConfig, context: Context) -> Metrics:
    """Takes dataset, validation and teacher, gives prompt: phi and ``probe.safetensors``."""
    images = load(inputs["dataset"], inputs["validation"])
    network, teacher_spec = models.load(inputs["teacher"])
    teacher = dual.with_paths(network, dual.path_spec(network, config.prompt, config.distillation.method), config.seed)
    probe, spec = networks.new_student(config.student, images, config.seed)
    networks.check_pair(teacher_spec, spec, images, context)
    epochs = config.prompt.epochs if config.distillation.by_both_paths else 0  # nobody would ask the tuned path
    progress = Progress()
    if epochs:
        progress = dual.train(
            "tune-prompt",
            teacher,
            teacher_spec,
            probe,
            spec,
            images,
            config.student.recipe.model_copy(update={"epochs": epochs}),
            config.distillation,
            config.prompt,
            "joint",
            config.augmentation,
            config.seed,
            context,
        )
    folder = outputs["prompt"]
    saved.save(teacher.path, folder)
    save_file({name: tensor.contiguous() for name, tensor in probe.state_dict().items()}, folder / dual.PROBE)
    write_history(progress.history, folder / "history.csv")
    return overhead(teacher, teacher_spec.in_channels, teacher_spec.image_size) | networks.summary(progress)
