"""train-baseline: the student alone, with the recipe and the epochs of the distilled one."""

from __future__ import annotations

from dfpt.config import TrainBaselineConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.datasets import load
from dfpt.steps import networks


def run(inputs: Inputs, outputs: Outputs, config: TrainBaselineConfig, context: Context) -> Metrics:
    """Takes dataset and validation, gives baseline."""
    images = load(inputs["dataset"], inputs["validation"])
    model, spec = networks.new_student(config.student, images, config.seed)
    progress = networks.train_alone(
        "train-baseline", model, spec, images, config.student.recipe, config.augmentation, config.seed, context
    )
    return networks.write(model, spec, progress, outputs["baseline"])
