"""The step distil by every method that it knows, with their options, divergences and random changes."""

from __future__ import annotations

import itertools
import typing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from dfpt.config import (
    Augmentation,
    Distillation,
)
from dfpt.context import Context, Silent
from dfpt.datasets import load
from dfpt.distill import saved
from dfpt.distill.methods import METHODS
from dfpt.errors import StepFailed, UsageError
from dfpt.method_options import NEEDS_ONE_LABEL, OPTIONS
from dfpt.steps import distil, rival, tune_prompt
from tests.unit.steps.trained import (
    RANDOM,
    RECIPE,
    Trained,
    distil_config,
    taught,
    tune_config,
    weights,
)

pytest_plugins = "tests.unit.steps.trained"


@pytest.mark.parametrize("method", METHODS)
def test_a_student_is_taught_by_a_method_to_compare_with(trained: Trained, tmp_path: Path, method: str) -> None:
    """Interrupted in its second epoch it ends as an uninterrupted one: what the method remembers is kept too."""
    config = distil_config(method=method, options={"assistant": "tiny_60k"} if method == "takd" else {})
    context = Context(tmp_path / "home", tmp_path / "checkpoints" / "whole")
    distil.run(trained.inputs, taught(tmp_path / "whole"), config, context)
    asked: Iterator[int] = itertools.count()
    batches = len(load(trained["dataset"], trained["validation"]).rows("train")) // RECIPE.batch_size
    context = replace(context, checkpoints=tmp_path / "checkpoints" / "parts")
    stopped = replace(context, cancelled=lambda: next(asked) > batches)
    with pytest.raises(StepFailed, match="interrupted in epoch 2"):
        distil.run(trained.inputs, taught(tmp_path / "parts"), config, stopped)
    distil.run(trained.inputs, taught(tmp_path / "parts"), config, context)
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    assert (weights(tmp_path / "whole") == weights(trained["baseline"])) == (method == "plain")
    assert not saved.saved(tmp_path / "whole-path")
    assert {name.split(".")[0] for name in load_file(tmp_path / "whole" / "model.safetensors")} == {
        "stem",
        "stages",
        "head",
    }


def test_a_method_is_given_its_options_and_refuses_those_of_another(
    trained: Trained, tmp_path: Path, context: Context
) -> None:
    plain = distil_config(method="kd", options={"label": 1.0, "knowledge": 0.0})
    distil.run(trained.inputs, taught(tmp_path / "student"), plain, context)
    assert weights(tmp_path / "student") == weights(trained["baseline"])
    with pytest.raises(UsageError, match="beta"):
        distil_config(method="kd", options={"beta": 1})


def test_no_prompt_is_tuned_for_a_method_without_one(trained: Trained, tmp_path: Path, context: Context) -> None:
    metrics = tune_prompt.run(trained.inputs, {"prompt": tmp_path / "prompt"}, tune_config(method="kd"), context)
    assert metrics["epochs"] == 0


def test_every_method_can_be_configured_and_its_options_are_those_that_are_read() -> None:
    allowed = set(typing.get_args(Distillation.model_fields["method"].annotation))
    assert allowed - {"dfpt-kd", "dfpt-kd+"} == METHODS.keys() == OPTIONS.keys()
    assert all(METHODS[name].options is kind for name, kind in OPTIONS.items())
    assert {name for name, info in METHODS.items() if "memory" in info.needs} <= NEEDS_ONE_LABEL


def test_the_assistant_is_taught_by_the_teacher_and_teaches_the_student(
    trained: Trained, tmp_path: Path, context: Context
) -> None:
    """With an assistant that learns nothing of the teacher, the student's teacher is the assistant all the same."""
    found = {}
    for name, method, options in (
        ("kd", "kd", {}),
        ("takd", "takd", {"assistant": "tiny_60k"}),
        ("other", "takd", {"assistant": "tiny_160k"}),
        ("alone", "takd", {"assistant": "tiny_60k", "knowledge": 0.0, "label": 1.0}),
    ):
        place = replace(context, checkpoints=tmp_path / "checkpoints" / name)
        distil.run(trained.inputs, taught(tmp_path / name), distil_config(method=method, options=options), place)
        found[name] = weights(tmp_path / name)
    assert len(set(found.values())) == 4
    assert found["alone"] == weights(trained["baseline"])


@pytest.mark.parametrize(("assistant", "warned"), [("tiny_60k", []), ("tiny_160k", ["tiny_160k"])])
def test_an_assistant_that_is_not_between_the_two_is_warned_of(
    trained: Trained, tmp_path: Path, context: Context, assistant: str, warned: list[str]
) -> None:
    heard: list[str] = []

    class Listening(Silent):
        def warn(self, text: str) -> None:
            heard.append(text)

    config = distil_config(method="takd", options={"assistant": assistant})
    distil.run(trained.inputs, taught(tmp_path / "student"), config, replace(context, reporter=Listening()))
    assert [text.split()[2] for text in heard if "not smaller than its teacher" in text] == warned


def test_the_assistants_training_counts_as_time(
    trained: Trained, tmp_path: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []

    def slow(*given: Any) -> Any:
        network, spec, seconds = assistant(*given)
        found.append(seconds)
        return network, spec, seconds + 1000

    assistant = rival._assistant
    monkeypatch.setattr(rival, "_assistant", slow)
    config = distil_config(method="takd", options={"assistant": "tiny_60k"})
    metrics = distil.run(trained.inputs, taught(tmp_path / "student"), config, context)
    assert found[0] > 0
    assert metrics["training_seconds"] > 1000 + found[0]


@pytest.mark.parametrize("divergence", ["dkd", "dist", "ls"])
def test_a_student_is_taught_by_both_paths_with_another_divergence(
    trained: Trained, tmp_path: Path, context: Context, divergence: str
) -> None:
    config = distil_config(divergence=divergence, at_places=1.0)
    distil.run(trained.inputs, taught(tmp_path / "student"), config, context)
    with_places_only = distil_config(at_places=1.0)
    place = replace(context, checkpoints=tmp_path / "by-kl")
    distil.run(trained.inputs, taught(tmp_path / "by-kl"), with_places_only, place)
    assert weights(tmp_path / "student") != weights(tmp_path / "by-kl")


@pytest.mark.parametrize("method", ["dfpt-kd", "dfpt-kd+", "kd", "fitnet"])
def test_random_changes_are_seen_by_the_student_and_by_the_teacher(
    trained: Trained, tmp_path: Path, context: Context, method: str
) -> None:
    prompt = trained["prompt"]
    if method == "dfpt-kd+":
        prompt = tmp_path / "prompt"
        tune_prompt.run(trained.inputs, {"prompt": prompt}, tune_config(method=method), context)
    found = []
    for augmentation in (Augmentation(views=1), RANDOM):
        distillation = Distillation.model_validate({"method": method, "teacher_cache": False})
        config = distil_config().model_copy(update={"augmentation": augmentation, "distillation": distillation})
        place = replace(context, checkpoints=tmp_path / str(len(found)))
        student = tmp_path / f"student-{len(found)}"
        distil.run(trained.inputs | {"prompt": prompt}, taught(student), config, place)
        found.append(weights(student))
    assert found[0] != found[1]
    assert not (context.home / "cache" / "features").exists() or method == "dfpt-kd+"  # whose prompt was tuned cached
