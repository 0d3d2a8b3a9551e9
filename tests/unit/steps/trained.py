"""The training steps run once, with networks that train in a second: a plugin for the modules that name it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dfpt.config import (
    Augmentation,
    DistilConfig,
    Distillation,
    Prompt,
    Recipe,
    Student,
    Teacher,
    TrainBaselineConfig,
    TrainTeacherConfig,
    TunePromptConfig,
)
from dfpt.context import Context
from dfpt.steps import distil, train_baseline, train_teacher, tune_prompt

RECIPE = Recipe(epochs=2, batch_size=16, lr=0.01, precision="float32", memory_format="channels_last")

TEACHER = Teacher(model="resnet8", image_size=8, pretrained=False, frozen_stages=0, recipe=RECIPE)

STUDENT = Student(model="tiny_20k", image_size=8, recipe=RECIPE)

PROMPT = Prompt(stages=(0, 1), epochs=1)

VIEWS = Augmentation(views=8)

RANDOM = Augmentation(views=1, crop=0.125, flip=True, mixup=0.2, cutmix=1.0)


@dataclass(frozen=True)
class Trained:
    """The outputs of the four steps and what they returned."""

    inputs: dict[str, Path]
    metrics: dict[str, dict[str, float]]

    def __getitem__(self, artifact: str) -> Path:
        return self.inputs[artifact]


def distil_config(prompt: Prompt = PROMPT, student: Student = STUDENT, **values: Any) -> DistilConfig:
    distillation = Distillation(**values)
    return DistilConfig(seed=0, augmentation=VIEWS, student=student, prompt=prompt, distillation=distillation)


def tune_config(**values: Any) -> TunePromptConfig:
    distillation = Distillation(**values)
    return TunePromptConfig(seed=0, augmentation=VIEWS, student=STUDENT, prompt=PROMPT, distillation=distillation)


def taught(student: Path) -> dict[str, Path]:
    """The outputs of distil, the path beside the student."""
    return {"student": student, "path": student.with_name(f"{student.name}-path")}


@pytest.fixture(scope="session")
def trained(inspection: Any, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    place = tmp_path_factory.mktemp("trained")
    inputs = inspection.inputs(**{name: place / name for name in ("teacher", "baseline", "prompt", "student")})
    steps: list[tuple[str, Any, Any]] = [
        ("teacher", train_teacher, TrainTeacherConfig(seed=0, augmentation=VIEWS, teacher=TEACHER)),
        ("baseline", train_baseline, TrainBaselineConfig(seed=0, augmentation=VIEWS, student=STUDENT)),
        ("prompt", tune_prompt, tune_config()),
        ("student", distil, distil_config()),
    ]
    metrics = {
        name: step.run(
            inputs,
            taught(place / name) if name == "student" else {name: place / name},
            config,
            Context(place / "home", place / "checkpoints" / name),
        )
        for name, step, config in steps
    }
    return Trained(inputs, metrics)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(tmp_path / "home", tmp_path / "checkpoints")


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="") as stream:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(stream)]


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()
