"""params.yaml as a whole: its sections, and what they must not say together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from dfpt.backbone_names import STAGES
from dfpt.cluster.config import Cluster
from dfpt.config.data import Data, Validation
from dfpt.config.distillation import Distillation, Prompt, check_augmentation
from dfpt.config.gate import Device, Evaluation, Registration, Thresholds
from dfpt.config.networks import Augmentation, Student, Teacher, check_frozen_student
from dfpt.method_options import FitNet
from dfpt.settings import Section


class Config(Section):
    """params.yaml, resolved."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    data: Data = Data()
    validation: Validation = Validation()
    augmentation: Augmentation = Augmentation()
    teacher: Teacher = Teacher()
    student: Student = Student()
    prompt: Prompt = Prompt()
    distillation: Distillation = Distillation()
    evaluation: Evaluation = Evaluation()
    gate: dict[str, Thresholds] = Field(default_factory=lambda: {"default": Thresholds()})  # by source
    devices: dict[str, Device] = Field(default_factory=dict)
    registration: Registration = Registration()
    cluster: Cluster = Cluster()  # read by the engines alone, by no step

    @model_validator(mode="after")
    def _has_a_path_to_tune(self) -> Config:
        count = STAGES.get(self.teacher.model)
        if count and not all(-count <= stage < count for stage in self.prompt.stages):
            raise ValueError(
                f"prompt.stages is {list(self.prompt.stages)}, and the teacher {self.teacher.model} has {count} "
                f"stages: give numbers from {-count} to {count - 1}"
            )
        whole, counted = self.distillation.method == "dfpt-kd+", self.prompt.statistics == "own"
        if not (whole or counted):
            return self
        if self.prompt.form != "blocks":
            raise ValueError(
                f"prompt.form {self.prompt.form} has no stages of its own: use distillation.method dfpt-kd, "
                "and no prompt.statistics"
            )
        if set(self.prompt.stages) <= {-1, (count or 0) - 1}:
            who = "dfpt-kd+ fine-tunes" if whole else "prompt.statistics own is of"
            raise ValueError(
                f"{who} the stages behind the first prompt, and behind the last one there is none: "
                "set prompt.stages=[-2,-1], or use distillation.method dfpt-kd, and no prompt.statistics"
            )
        return self

    @model_validator(mode="after")
    def _has_the_stages_that_are_named(self) -> Config:
        """Of another library's model only the step knows them."""
        teacher, student = STAGES.get(self.teacher.model), STAGES.get(self.student.model)
        frozen = self.teacher.frozen_stages if self.teacher.pretrained or self.teacher.weights else 0
        if teacher and frozen > teacher:
            raise ValueError(f"teacher.frozen_stages is {frozen}, and {self.teacher.model} has {teacher} stages")
        if student and self.student.frozen_stages >= student:
            raise ValueError(
                f"student.frozen_stages is {self.student.frozen_stages}, and {self.student.model} has {student} "
                f"stages: with at most {student - 1} something is left to train"
            )
        if student and self.distillation.method == "fitnet":
            first = self.student.frozen_stages
            hint = FitNet.model_validate(self.distillation.options).stage
            if hint is not None and (hint not in range(-student, student) or hint % student < first):
                raise ValueError(
                    f"distillation.options.stage is {hint}, and of {self.student.model}'s {student} stages those from "
                    f"{first} to {student - 1} are trained"
                )
        return self

    @model_validator(mode="after")
    def _has_the_teacher_that_the_method_needs(self) -> Config:
        if self.distillation.method == "eskd" and self.teacher.recipe.stop_after == 1:
            raise ValueError("eskd learns from a teacher that was stopped early: set teacher.recipe.stop_after")
        return self

    @model_validator(mode="after")
    def _augments_as_the_method_allows(self) -> Config:
        check_augmentation(self.augmentation, self.prompt, self.distillation)
        check_frozen_student(self.augmentation, self.student)
        return self

    @model_validator(mode="after")
    def _knows_its_devices(self) -> Config:
        for source, thresholds in self.gate.items():
            if thresholds.device is not None and thresholds.device not in self.devices:
                known = ", ".join(self.devices) or "none"
                raise ValueError(f"gate.{source}.device is {thresholds.device!r}; under devices there is {known}")
        return self

    def thresholds(self) -> Thresholds:
        """The gate's thresholds for this source: under its name, else its kind (``folder``), else ``default``."""
        kind = self.data.source.partition(":")[0]
        return self.gate.get(self.data.source) or self.gate.get(kind) or self.gate["default"]
