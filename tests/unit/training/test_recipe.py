"""What a recipe can ask for beyond the defaults: schedules, optimiser, clipping, averaged weights, adjusted logits."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dfpt.config import Recipe
from dfpt.distill.dual_task import DualTask
from dfpt.training import schedule
from dfpt.training.average import Average
from dfpt.training.label_loss import LabelLoss, log_prior
from dfpt.training.loop import fit, optimiser_of, update
from dfpt.training.validation import validate
from tests.unit.training import made_up


def rates(recipe: Recipe, batches: int) -> list[float]:
    """The learning rate of every step."""
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=recipe.lr)
    found, following = [], schedule.build(optimiser, recipe, batches)
    for _ in range(batches * recipe.epochs):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        following.step()
    return found


def test_the_step_schedule_falls_to_a_tenth_at_the_published_epochs() -> None:
    found = rates(Recipe(epochs=240, lr=0.05, schedule="step"), 2)
    assert [found[2 * epoch] for epoch in (0, 149, 150, 179, 180, 209, 210, 239)] == pytest.approx(
        [0.05, 0.05, 0.005, 0.005, 0.0005, 0.0005, 0.00005, 0.00005]
    )
    assert len(set(found)) == 4


def test_the_cosine_schedule_rises_then_falls_along_half_a_cosine() -> None:
    found = rates(Recipe(epochs=100, lr=1.0, schedule="cosine"), 10)
    assert found[0] == pytest.approx(0.01)
    assert found[50] == pytest.approx(0.5)
    assert found[100] == max(found) == 1.0
    assert found[550] == pytest.approx(0.5)
    assert found[100:] == sorted(found[100:], reverse=True)
    assert 0 < found[-1] < 1e-4


@pytest.mark.parametrize("name", ["one-cycle", "cosine", "step"])
@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_network_learns_with_each_schedule_and_optimiser(tmp_path: Path, name: Any, optimiser: Any) -> None:
    recipe = made_up.RECIPE.model_copy(update={"epochs": 6, "schedule": name, "optimiser": optimiser, "lr": 0.02})
    task = made_up.plain_task(made_up.network())
    history = fit(task, made_up.split(64), made_up.split(12, seed=1), recipe, 1, 0, made_up.context(tmp_path)).history
    assert history[-1]["train_loss"] < 0.9 * history[0]["train_loss"]
    assert type(optimiser_of(task, recipe)) is {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[optimiser]


def test_no_groups_gradient_is_longer_than_the_clip_and_a_short_one_stays() -> None:
    first, second = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    optimiser = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=1.0)
    update(optimiser, {"loss": (first * torch.tensor([30.0, 40.0])).sum() + (second * 0.1).sum()}, clip=5.0)
    torch.testing.assert_close(first.data, torch.tensor([-3.0, -4.0]))
    torch.testing.assert_close(second.data, torch.tensor([-0.1, -0.1]))


def test_a_clipped_student_without_the_prompt_paths_weight_is_still_vanilla_distillation(tmp_path: Path) -> None:
    recipe = made_up.RECIPE.model_copy(update={"clip": 0.05})
    found = []
    for adapt in (True, False):
        paths = made_up.dual_teacher(made_up.teacher())
        task = made_up.dual_task(paths, made_up.Distillation(from_prompt=0), adapt)
        train, val = made_up.split(32, paths), made_up.split(12, paths, seed=1)
        fit(task, train, val, recipe, 1, 0, made_up.context(tmp_path / str(adapt)))
        found.append(task.student.state_dict())
    assert all(torch.equal(found[0][name], tensor) for name, tensor in found[1].items())


def test_the_average_is_that_of_the_weights_after_each_update() -> None:
    network = nn.BatchNorm1d(1)
    average = Average(network, 0.5)
    expected = 1.0
    for number, value in enumerate((3.0, 5.0, 9.0), 1):
        with torch.no_grad():
            network.weight.fill_(value)
            network.running_mean.fill_(value)  # type: ignore[union-attr]
            network.num_batches_tracked.fill_(number)  # type: ignore[union-attr]
        average.update()
        decay = min(0.5, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * value
        with average.in_place():
            assert network.weight.item() == pytest.approx(expected)
            assert network.num_batches_tracked.item() == number  # type: ignore[union-attr]
        assert network.weight.item() == value


def test_what_is_judged_and_kept_is_the_average_of_the_student_and_not_of_the_prompt_path(tmp_path: Path) -> None:
    def trained(ema: float) -> tuple[DualTask, dict[str, float], dict[str, float]]:
        paths = made_up.dual_teacher(made_up.teacher())
        task = made_up.dual_task(paths)
        recipe = made_up.RECIPE.model_copy(update={"ema": ema, "epochs": 1})
        parts = made_up.split(64, paths), made_up.split(12, paths, seed=1)
        row = fit(task, *parts, recipe, 1, 0, made_up.context(tmp_path / str(ema))).history[0]
        return task, row, validate(task, parts[1])

    (averaged, row, judged), (last, other, _) = trained(0.9), trained(0.0)
    assert row["train_loss"] == other["train_loss"]
    assert row["val_loss"] != other["val_loss"]
    assert {name: row[name] for name in judged} == judged
    ours, theirs = averaged.trained.state_dict(), last.trained.state_dict()
    assert all(torch.equal(ours[n], theirs[n]) for n in ours if n.startswith("path."))
    assert not torch.equal(ours["student.stem.0.weight"], theirs["student.stem.0.weight"])


def test_adjusted_logits_make_a_rare_class_as_likely_as_a_frequent_one() -> None:
    """A classifier that knows nothing but the frequencies: its best logits are their logarithms, adjusted none."""
    labels = torch.tensor([0] * 90 + [1] * 9 + [2])
    prior = log_prior(labels, 3)
    assert prior.exp().tolist() == pytest.approx([0.9, 0.09, 0.01])
    for adjustment, best in ((None, prior), (prior, torch.zeros(3))):
        z = best.clone().requires_grad_()
        LabelLoss(torch.ones(3), 0.0, adjustment)(z.expand(100, 3), labels).backward()
        assert z.grad is not None
        assert z.grad.abs().max() < 1e-6
    assert log_prior(torch.tensor([0, 0]), 2).isfinite().all()


def test_the_label_loss_is_torchs_for_labels_and_for_mixtures() -> None:
    z, labels, weights = torch.randn(6, 3), torch.arange(6) % 3, torch.tensor([1.0, 2.0, 3.0])
    loss = LabelLoss(weights, 0.1)
    assert torch.equal(loss(z, labels), F.cross_entropy(z, labels, weights, label_smoothing=0.1))
    mixed = torch.rand(6, 3).softmax(1)
    torch.testing.assert_close(replace(loss, smoothing=0.0)(z, mixed), -(weights * mixed * z.log_softmax(1)).sum() / 6)


def test_a_student_learns_from_images_that_are_changed_at_random_and_from_a_teacher_that_sees_them(
    tmp_path: Path,
) -> None:
    """Without a change it is, but for the cache's bfloat16, what the cached teacher teaches."""
    original = made_up.teacher()
    found = {}
    for name in ("cached", "per batch"):
        paths = made_up.dual_teacher(copy.deepcopy(original))
        train, val = made_up.split(32, paths, places=True), made_up.split(12, paths, seed=1, places=True)
        task = made_up.dual_task(paths, made_up.Distillation(at_places=0.5))
        if name == "per batch":
            task.from_pixels = True
            train, val = (replace(part, sources=part.sources[:1] * 2) for part in (train, val))
        found[name] = fit(task, train, val, made_up.RECIPE, 1, 0, made_up.context(tmp_path / name)).history
    for a, b in zip(found["cached"], found["per batch"], strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], abs=1e-5)
        assert a["val_original_gap"] == pytest.approx(b["val_original_gap"], abs=1e-5)
