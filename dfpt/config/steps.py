"""What each step is handed of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from dfpt import dvc_file, files, settings, suite_file
from dfpt.config.data import Data, Validation
from dfpt.config.distillation import Distillation, Prompt, check_augmentation
from dfpt.config.gate import Device, Evaluation, Registration, Thresholds
from dfpt.config.networks import Augmentation, Student, Teacher, check_frozen_student
from dfpt.config.whole import Config
from dfpt.errors import UsageError
from dfpt.settings import Section

# What each step is handed: the fields name the sections that it reads, and nothing else can change its result.


class PrepareConfig(Section):
    seed: int
    data: Data


class ValidateConfig(Section):
    validation: Validation


class TrainTeacherConfig(Section):
    seed: int
    augmentation: Augmentation
    teacher: Teacher


class TrainBaselineConfig(Section):
    seed: int
    augmentation: Augmentation
    student: Student

    @model_validator(mode="after")
    def _augments_as_the_student_allows(self) -> Self:
        check_frozen_student(self.augmentation, self.student)
        return self


class TunePromptConfig(Section):
    seed: int
    augmentation: Augmentation
    student: Student
    prompt: Prompt
    distillation: Distillation

    @model_validator(mode="after")
    def _augments_as_the_method_allows(self) -> Self:
        check_augmentation(self.augmentation, self.prompt, self.distillation)
        check_frozen_student(self.augmentation, self.student)
        return self


class DistilConfig(TunePromptConfig):
    pass


class EvaluateConfig(Section):
    seed: int
    evaluation: Evaluation


class GateConfig(Section):
    seed: int
    evaluation: Evaluation
    gate: Thresholds
    devices: dict[str, Device] = Field(default_factory=dict)
    registration: Registration


class RegisterConfig(Section):
    registration: Registration


STEP_CONFIGS: dict[str, type[Section]] = {
    "prepare": PrepareConfig,
    "validate": ValidateConfig,
    "train-teacher": TrainTeacherConfig,
    "train-baseline": TrainBaselineConfig,
    "tune-prompt": TunePromptConfig,
    "distil": DistilConfig,
    "evaluate": EvaluateConfig,
    "gate": GateConfig,
    "register": RegisterConfig,
}


def for_step(config: Config, step: str) -> Section:
    """The part of the configuration that ``step`` reads.

    Raises:
        UsageError: the suite that validate needs cannot be read, data.revision cannot be looked up, or the teacher's
            weights are neither here nor named by their hash.
    """
    values = {
        field: config.thresholds() if field == "gate" else getattr(config, field)
        for field in STEP_CONFIGS[step].model_fields
    }
    if step == "prepare":
        values["data"] = with_images(config)
    if step == "train-teacher":
        values["teacher"] = with_weights(config.teacher)
    if step == "validate":
        values["validation"] = with_expectations(config)
    return STEP_CONFIGS[step].model_validate(values)


def with_expectations(config: Config) -> Validation:
    """The suite goes along as text: an edited file makes a new result, and a step far away needs no file."""
    found = config.validation
    if found.expectations is not None:
        return found
    text = suite_file.text(found.suite, config.data.source, config.registration.name)
    return found.model_copy(update={"expectations": text})


def with_weights(teacher: Teacher) -> Teacher:
    """Weights from a file go along as its hash: other ones under the same name make a new result.

    Raises:
        UsageError: they are not here, and nothing says which they are.
    """
    kind, _, place = (teacher.weights or "").partition(":")
    path = Path(place).expanduser()
    if kind not in ("file", "crd") or teacher.weights_sha256:
        return teacher
    if not path.exists():
        raise UsageError(
            f"teacher.weights: there is no {path} here.",
            "Correct it; if it is where the step will run, give its SHA-256 as teacher.weights_sha256.",
        )
    return teacher.model_copy(update={"weights_sha256": files.sha256(path)})


def with_images(config: Config) -> Data:
    """A revision goes along as the hash of its images and the place of their remote: a step far away needs no git."""
    data = config.data
    if data.revision is None or (data.stored and data.stored.revision == data.revision):
        return data
    found = dvc_file.find(data.path, data.revision, data.remote)
    return data.model_copy(update={"stored": found})


def parse_step(step: str, values: Mapping[str, Any]) -> Section:
    """A step's configuration as it comes from a pipeline parameter (whose integers may arrive as floats)."""
    return settings.validated(STEP_CONFIGS[step], values, f"the configuration of step {step}")
