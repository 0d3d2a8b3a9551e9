"""A prompt path that stays as it is for a while is asked once for that while, and the student learns the same."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from dfpt.config import Distillation
from dfpt.context import Context
from dfpt.distill.adapting_task import AdaptingTask
from dfpt.distill.dual_task import DualTask
from dfpt.errors import StepFailed
from dfpt.steps import rounds
from dfpt.training import checkpoint
from dfpt.training.arithmetic import Arithmetic
from dfpt.training.loop import Progress, Task, fit
from tests.unit.training import made_up

RECIPE = made_up.RECIPE.model_copy(update={"epochs": 4})
BATCHES = 4  # of an epoch
COUNT, VIEWS = 8 * BATCHES, 8


def dual(adapt: str, method: str = "dfpt-kd", **values: float) -> DualTask:
    """The task of a step whose tuned path is not the original one any more."""
    paths = made_up.dual_teacher(made_up.teacher(), method)
    torch.manual_seed(5)
    with torch.no_grad():
        for prompt in paths.path.prompts.values():
            prompt.up.weight.normal_(0, 1)
    distillation = Distillation.model_validate({"adapt": adapt, "round": 2, "at_places": 1.0} | values)
    return made_up.dual_task(paths, distillation, adapt != "frozen")


def learn(
    task: DualTask, context: Context, train: Callable[..., Progress] = rounds.train, **recipe: float | str
) -> tuple[list[dict[str, float]], dict[str, Tensor]]:
    """History without its times, and weights of the student and the path."""
    places = task.distillation.at_places > 0
    parts = [
        made_up.split(count, task.teacher, seed=seed, views=VIEWS, places=places)
        for seed, count in enumerate((COUNT, 12))
    ]
    progress = train(task, *parts, RECIPE.model_copy(update=recipe), VIEWS, 0, context)
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in progress.history]
    return rows, task.student.state_dict() | {f"path.{k}": v for k, v in task.teacher.path.state_dict().items()}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name, tensor in expected.items() if not torch.equal(found[name], tensor)] == []


@pytest.mark.parametrize("at_places", [0.0, 1.0])
@pytest.mark.parametrize("method", ["dfpt-kd", "dfpt-kd+"])
def test_a_frozen_path_teaches_from_the_cache_what_it_teaches_when_it_is_asked_in_every_step(
    tmp_path: Path, method: str, at_places: float
) -> None:
    slow = 0.001  # so that the last bits, which batches of another size round otherwise, stay the last ones
    cached, kept = learn(dual("frozen", method, at_places=at_places), made_up.context(tmp_path / "cached"), lr=slow)
    asked, ran = learn(dual("frozen", method, at_places=at_places), made_up.context(tmp_path / "asked"), fit, lr=slow)
    assert len(cached) == RECIPE.epochs
    for row, expected in zip(cached, asked, strict=True):
        assert row == pytest.approx(expected, abs=1e-4)
    for name, tensor in ran.items():
        torch.testing.assert_close(kept[name], tensor, atol=1e-3, rtol=1e-2)


def counted(task: DualTask, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of how many images the path is asked in each call that is neither training nor validation."""
    asked, answer = [], task.teacher.prompted_features

    def prompted_features(shared: Tensor) -> Tensor:
        if not torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            asked.append(len(shared))
        return answer(shared)

    monkeypatch.setattr(task.teacher, "prompted_features", prompted_features)
    return asked


def test_a_frozen_path_is_asked_about_each_image_and_view_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = dual("frozen")
    asked = counted(task, monkeypatch)
    learn(task, made_up.context(tmp_path), epochs=20)
    *train, val = asked
    assert val == 12
    assert COUNT * (VIEWS - 2) < sum(train) <= COUNT * VIEWS  # 20 epochs of 32 images draw nearly all of 8 views


def test_a_round_asks_the_path_about_those_views_alone_that_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = dual("alternate")
    asked = counted(task, monkeypatch)
    learn(task, made_up.context(tmp_path))
    first, first_val, second, second_val = asked
    assert first_val == second_val == 12
    assert COUNT < first <= 2 * COUNT  # two epochs, and an image may come in one view twice
    assert COUNT < second <= 2 * COUNT


def test_what_is_kept_is_what_the_path_says_of_that_image_in_that_view() -> None:
    task = dual("alternate")
    part = made_up.split(COUNT, task.teacher, views=VIEWS, places=True)
    grid = rounds._grid(task, part)
    told = rounds.Told.of(part, grid)
    wanted = torch.zeros(VIEWS, COUNT, dtype=torch.bool)
    wanted[3, 5] = wanted[0, 31] = True
    told.fill(task.teacher, wanted, grid, Arithmetic())
    assert (told.logits_VNK != 0).any(2).equal(wanted)
    shared = part.inputs(torch.tensor([5, 31]), torch.tensor([3, 0]))[1]
    expected = task.teacher.prompted(shared).detach()
    torch.testing.assert_close(told.logits_VNK[[3, 0], [5, 31]], expected)
    z_o, z_p, places_o, places_p = told.split.inputs(torch.tensor([5]), torch.tensor([3]))[1:]
    assert torch.equal(z_p[0], told.logits_VNK[3, 5])
    assert (z_o - z_p).abs().max() > 1e-2
    torch.testing.assert_close(places_p.mean((2, 3)), z_p)  # the head is linear after its pooling
    torch.testing.assert_close(places_o.mean((2, 3)), z_o)


@pytest.mark.parametrize("method", ["dfpt-kd", "dfpt-kd+"])
def test_between_rounds_the_whole_path_adapts_and_the_teacher_stays_bit_for_bit(tmp_path: Path, method: str) -> None:
    task = dual("alternate", method)
    before, phi = copy.deepcopy(task.teacher.teacher), copy.deepcopy(task.teacher.path.state_dict())
    rows, found = learn(task, made_up.context(tmp_path))
    assert_same(task.teacher.teacher.state_dict(), before.state_dict())
    images = made_up.pictures(6, seed=9)[0]
    assert torch.equal(task.teacher.original(task.teacher.shared(images)), before(images))
    assert [name for name, tensor in phi.items() if torch.equal(found[f"path.{name}"], tensor)] == []
    gaps = [row["val_prompt_accuracy"] for row in rows]
    assert gaps[0] == gaps[1]
    assert gaps[2] == gaps[3]
    assert all(row.keys() == rows[0].keys() for row in rows)


def test_an_adaptation_brings_the_path_nearer_to_its_student_and_leaves_the_student_alone() -> None:
    task = dual("alternate")
    part = made_up.split(COUNT, task.teacher, views=VIEWS, places=True)
    inputs = part.inputs(torch.arange(COUNT), torch.zeros(COUNT, dtype=torch.int64))
    adapting = AdaptingTask(task)
    student = copy.deepcopy(task.student.state_dict())
    optimiser = torch.optim.SGD(adapting.groups(1.0))
    losses = []
    with rounds._still(task.student):
        for _ in range(8):
            loss = adapting.losses(part.labels, *inputs, progress=0.0)["prompt_loss"]
            loss.backward()
            assert all(parameter.grad is None for parameter in task.student.parameters())
            optimiser.step()
            optimiser.zero_grad()
            losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert_same(task.student.state_dict(), student)
    assert all(parameter.requires_grad for parameter in task.student.parameters())


def test_every_adaptation_is_as_long_as_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its last epoch is kept, whatever the path's accuracy is: it is there to come nearer to the student."""
    found: dict[str, list[Progress]] = {}

    def noted(task: Task, *rest: Any, **options: Any) -> Progress:
        progress = fit(task, *rest, **options)
        found.setdefault(type(task).__name__, []).append(progress)
        return progress

    monkeypatch.setattr(rounds, "fit", noted)
    learn(dual("alternate", adapt_epochs=3), made_up.context(tmp_path))
    assert [(len(told.history), told.best_epoch) for told in found["AdaptingTask"]] == [(3, 2), (3, 2)]


@pytest.mark.parametrize("weights", [{"from_prompt": 0.0}, {"from_prompt": 0.0, "from_original": 0.0}])
def test_without_the_paths_weight_no_adaptation_changes_the_student(tmp_path: Path, weights: dict[str, float]) -> None:
    """Guarantee 1 of the algorithm; what joint and frozen give then, test_guarantees holds against plain methods."""
    found = {
        adapt: learn(dual(adapt, at_places=0.0, **weights), made_up.context(tmp_path / adapt), train)
        for adapt, train in (("joint", fit), ("frozen", rounds.train), ("alternate", rounds.train))
    }
    for adapt in ("frozen", "alternate"):
        assert [row["train_loss"] for row in found[adapt][0]] == [row["train_loss"] for row in found["joint"][0]]
        for name, tensor in found["joint"][1].items():
            assert name.startswith("path.") or torch.equal(found[adapt][1][name], tensor)


@pytest.mark.parametrize(
    ("adapt", "layout", "batches", "behind"),
    [
        ("alternate", "channels_last", 2, 0),  # while the path adapts
        ("alternate", "channels_last", 6, 0),  # in the first epoch of a round
        ("alternate", "channels_last", 9, 1),  # in its second: the path is read back and says the same again
        ("alternate", "contiguous", 9, 1),
        ("alternate", "channels_last", 14, 2),
        ("alternate", "channels_last", 22, 3),
        ("frozen", "channels_last", 5, 1),
    ],
)
def test_an_interrupted_training_goes_on_to_the_same_numbers(
    tmp_path: Path, adapt: str, layout: str, batches: int, behind: int
) -> None:
    recipe = {"ema": 0.5, "memory_format": layout}
    whole = learn(dual(adapt, "dfpt-kd+"), made_up.context(tmp_path / "whole"), **recipe)
    context, asked = made_up.context(tmp_path / "parts"), itertools.count()
    with pytest.raises(StepFailed, match="interrupted in epoch"):
        learn(dual(adapt, "dfpt-kd+"), replace(context, cancelled=lambda: next(asked) >= batches), **recipe)
    state = checkpoint.load(context.checkpoints)
    assert (state["progress"]["epoch"] if state else 0) == behind
    again = learn(dual(adapt, "dfpt-kd+"), context, **recipe)
    assert again[0] == whole[0]
    assert_same(again[1], whole[1])
    assert [path.name for path in context.checkpoints.iterdir()] == ["last.pt"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"round": 0}, "greater than or equal to 1"),
        ({"adapt": "alternate", "teacher_cache": False}, "adapt=alternate keeps"),
        ({"adapt": "sometimes"}, "'joint', 'frozen' or 'alternate'"),
    ],
)
def test_what_cannot_alternate_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Distillation.model_validate(values)
