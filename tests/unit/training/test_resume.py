"""Guarantee 6: a training that was interrupted and taken up again equals one that was not, number for number."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dfpt.config import Distillation
from dfpt.context import Context, Silent
from dfpt.errors import StepFailed
from dfpt.training import checkpoint
from dfpt.training.distortion import Distortion
from dfpt.training.loop import Progress, fit
from tests.unit.training import made_up

RECIPE = made_up.RECIPE.model_copy(update={"epochs": 4, "lr": 0.05})  # so high that an early epoch is the best


def train(context: Context, engine: bool = False) -> tuple[Progress, dict[str, Tensor]]:
    """A training with all that has a state: the student, the whole prompt path, dropout, eight views.

    Args:
        engine: beyond the defaults also averaged weights, another schedule, clipped gradients, and images that are
            changed at random before a teacher that runs in every step.
    """
    original = made_up.teacher()
    original.head[2].p = 0.3  # type: ignore[index]
    paths = made_up.dual_teacher(original, "dfpt-kd+")
    task = made_up.dual_task(paths, Distillation(at_places=1.0))
    parts = made_up.split(32, paths, views=8, places=True), made_up.split(12, paths, seed=1, views=8, places=True)
    recipe = RECIPE
    if engine:
        task.from_pixels = True
        parts = tuple(replace(part, sources=part.sources[:1] * 2) for part in parts)
        parts = replace(parts[0], distortion=Distortion(0.25, True, 0.4, 0.4, made_up.CLASSES)), parts[1]
        recipe = RECIPE.model_copy(update={"ema": 0.8, "schedule": "cosine", "clip": 1.0})
    progress = fit(task, *parts, recipe, 8, 0, context)
    return progress, task.trained.state_dict()


def figures(progress: Progress) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in progress.history]


def assert_equal(found: tuple[Progress, dict[str, Tensor]], expected: tuple[Progress, dict[str, Tensor]]) -> None:
    assert figures(found[0]) == figures(expected[0])
    assert len(found[0].history) == RECIPE.epochs
    assert (found[0].best_epoch, found[0].best_score) == (expected[0].best_epoch, expected[0].best_score)
    assert found[1].keys() == expected[1].keys()
    assert all(torch.equal(found[1][name], tensor) for name, tensor in expected[1].items())


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Progress, dict[str, Tensor]]:
    found = train(made_up.context(tmp_path_factory.mktemp("uninterrupted")))
    assert found[0].best_epoch < RECIPE.epochs - 1  # so that what is kept comes out of the last epoch's checkpoint
    return found


@pytest.mark.parametrize("batches", [2, 6, 13], ids=["before any checkpoint", "in epoch 2", "in the last epoch"])
def test_a_cancelled_training_goes_on_to_the_same_numbers(
    tmp_path: Path, uninterrupted: tuple[Progress, dict[str, Tensor]], batches: int
) -> None:
    context, asked = made_up.context(tmp_path), itertools.count()
    with pytest.raises(StepFailed, match="interrupted in epoch"):
        train(replace(context, cancelled=lambda: next(asked) >= batches))
    state = checkpoint.load(context.checkpoints)
    assert (state["progress"]["epoch"] if state else 0) == batches // 4
    assert_equal(train(context), uninterrupted)


def test_averaged_weights_schedule_and_random_changes_go_on_too(tmp_path: Path) -> None:
    whole = train(made_up.context(tmp_path / "whole"), engine=True)
    context, asked = made_up.context(tmp_path / "parts"), itertools.count()
    with pytest.raises(StepFailed, match="interrupted in epoch 3"):
        train(replace(context, cancelled=lambda: next(asked) >= 9), engine=True)
    assert_equal(train(context, engine=True), whole)


def test_a_training_that_is_taken_up_does_not_repeat_what_is_behind(tmp_path: Path) -> None:
    context, asked = made_up.context(tmp_path), itertools.count()
    with pytest.raises(StepFailed):
        train(replace(context, cancelled=lambda: next(asked) >= 13))
    asked = itertools.count()
    train(replace(context, cancelled=lambda: next(asked) < 0))
    assert next(asked) == 4  # batches of the last epoch


class Killer(Silent):
    """Kills its process, as an out-of-memory killer would, at the end of an epoch."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        if step == 2:
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_goes_on_to_the_same_numbers(
    tmp_path: Path, root: Path, uninterrupted: tuple[Progress, dict[str, Tensor]]
) -> None:
    context = made_up.context(tmp_path)
    code = (
        "from dataclasses import replace; from pathlib import Path\n"
        "from tests.unit.training import made_up, test_resume\n"
        f"test_resume.train(replace(made_up.context(Path({str(tmp_path)!r})), reporter=test_resume.Killer()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    state = checkpoint.load(context.checkpoints)
    assert state is not None
    assert state["progress"]["epoch"] == 2
    assert_equal(train(context), uninterrupted)
