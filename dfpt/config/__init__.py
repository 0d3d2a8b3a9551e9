"""The configuration: typed sections, one place that reads them.

Precedence: ``--set`` flag > environment ``DFPT_SECTION__KEY`` > the profile > ``params.yaml`` > default.
An unknown key is an error that names the nearest valid one.
"""

from dfpt.config.data import Data, Fold, Group, Validation
from dfpt.config.distillation import Adapt, Blocks, Distillation, Divergence, Prompt
from dfpt.config.gate import Device, Evaluation, Registration, Thresholds
from dfpt.config.networks import Augmentation, Recipe, Student, Teacher
from dfpt.config.reading import RESERVED_ENVIRONMENT, dump, resolve
from dfpt.config.steps import (
    STEP_CONFIGS,
    DistilConfig,
    EvaluateConfig,
    GateConfig,
    PrepareConfig,
    RegisterConfig,
    TrainBaselineConfig,
    TrainTeacherConfig,
    TunePromptConfig,
    ValidateConfig,
    for_step,
    parse_step,
    with_expectations,
    with_images,
)
from dfpt.config.whole import Config

__all__ = [
    "RESERVED_ENVIRONMENT",
    "STEP_CONFIGS",
    "Adapt",
    "Augmentation",
    "Blocks",
    "Config",
    "Data",
    "Device",
    "DistilConfig",
    "Distillation",
    "Divergence",
    "EvaluateConfig",
    "Evaluation",
    "Fold",
    "GateConfig",
    "Group",
    "PrepareConfig",
    "Prompt",
    "Recipe",
    "RegisterConfig",
    "Registration",
    "Student",
    "Teacher",
    "Thresholds",
    "TrainBaselineConfig",
    "TrainTeacherConfig",
    "TunePromptConfig",
    "ValidateConfig",
    "Validation",
    "dump",
    "for_step",
    "parse_step",
    "resolve",
    "with_expectations",
    "with_images",
]
