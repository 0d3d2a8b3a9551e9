from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dfpt.config import Distillation
from dfpt.distill.divergence import divergence
from dfpt.training.loop import fit
from tests.unit.training import made_up


def test_a_frozen_path_stays_as_tuned_statistics_included(tmp_path: Path) -> None:
    paths = made_up.dual_teacher(made_up.teacher(), "dfpt-kd+")
    before = {name: tensor.clone() for name, tensor in paths.path.state_dict().items()}
    task = made_up.dual_task(paths, adapt=False)
    train, val = made_up.split(24, paths), made_up.split(12, paths, seed=1)
    history = fit(task, train, val, made_up.RECIPE, 1, 0, made_up.context(tmp_path)).history
    assert all(torch.equal(tensor, before[name]) for name, tensor in paths.path.state_dict().items())
    assert "train_prompt_loss" not in history[0]
    assert list(task.trained) == ["student"]


def test_the_prompt_path_has_a_learning_rate_of_its_own() -> None:
    task = made_up.dual_task(made_up.dual_teacher(made_up.teacher()))
    student, path = task.groups(0.5)
    assert (student["lr"], path["lr"]) == (0.5, made_up.PROMPT.lr)
    assert {id(p) for p in student["params"]} == {id(p) for p in task.student.parameters()}
    assert {id(p) for p in path["params"]} == {id(p) for p in task.teacher.path.parameters()}


def test_the_figures_are_each_paths_accuracy_and_distance_to_the_student() -> None:
    task = made_up.dual_task(made_up.dual_teacher(made_up.teacher()))
    student, prompt = torch.zeros(2, 2), torch.tensor([[math.log(3), 0.0], [math.log(3), 0.0]])
    logits = {"selected": student, "original": torch.tensor([[1.0, 0.0], [0.0, 1.0]]), "prompt": prompt}
    figures = task.figures(logits, torch.tensor([0, 1]))
    assert figures["original_accuracy"] == 1
    assert figures["prompt_accuracy"] == 0.5
    assert figures["prompt_gap"] == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), abs=1e-6)
    assert figures["original_gap"] == pytest.approx(divergence(logits["original"], student, 1).item(), rel=1e-6)


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_class_weights_count_in_both_losses(weight: float) -> None:
    paths = made_up.dual_teacher(made_up.teacher())
    task = made_up.dual_task(paths)
    task.trained.eval()
    inputs = made_up.split(6, paths).inputs(torch.arange(6), torch.zeros(6, dtype=torch.int64))
    labels = torch.arange(6) % 3
    even = task.losses(labels, *inputs, progress=0.0)
    task.label_loss = replace(task.label_loss, weights_K=torch.tensor([weight, 1.0, 1.0]))
    found = task.losses(labels, *inputs, progress=0.0)
    assert {name: bool(found[name] != even[name]) for name in even} == dict.fromkeys(even, weight != 1)


def test_a_step_runs_the_stages_that_both_paths_share_once_and_the_others_once_for_each_path() -> None:
    original = made_up.teacher()
    paths = made_up.dual_teacher(original, stages=(1,))
    task = made_up.dual_task(paths, Distillation(at_places=1.0))
    task.from_pixels = True
    ran: Counter[str] = Counter()
    for name, part in {"stem": original.stem, **dict(original.stages.named_children()), "head": original.head}.items():
        part.register_forward_hook(lambda *_, name=name: ran.update([name]))
    images = made_up.pictures(6)[0]
    task.losses(torch.arange(6) % 3, images, images, progress=0.0)
    assert ran == {"stem": 1, "0": 1, "1": 1, "2": 2, "head": 2}  # the head: of the image, and of its places
