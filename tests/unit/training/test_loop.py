from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dfpt.context import Silent
from dfpt.errors import StepFailed
from dfpt.training import arithmetic
from dfpt.training.arithmetic import Arithmetic
from dfpt.training.classification import Classification
from dfpt.training.label_loss import LabelLoss, class_weights
from dfpt.training.loop import Progress, fit, write_history
from dfpt.training.validation import validate
from dfpt.training.views import PixelViews
from tests.unit.training import made_up


@dataclass
class Watch(Silent):
    """Remembers what was reported."""

    steps: list[tuple[int, int]] = field(default_factory=list)
    epochs: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)

    def progress(self, done: int, total: int, text: str) -> None:
        self.steps.append((done, total))

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self.epochs.append((step, values))


def test_a_network_learns_and_the_best_epoch_is_kept(tmp_path: Path) -> None:
    task, val = made_up.plain_task(made_up.network()), made_up.split(30, seed=1)
    recipe = made_up.RECIPE.model_copy(update={"epochs": 8})
    progress = fit(task, made_up.split(96), val, recipe, 1, 0, made_up.context(tmp_path))
    losses = [row["train_loss"] for row in progress.history]
    assert losses[-1] < 0.8 * losses[0]
    scores = [(row["val_accuracy"], -row["val_loss"]) for row in progress.history]
    assert progress.best_epoch == scores.index(max(scores))
    found = validate(task, val)
    assert (found["val_accuracy"], -found["val_loss"]) == progress.best_score == max(scores)


@pytest.mark.parametrize("epochs", [1, 3, 9, 10])
def test_a_schedule_of_any_length_is_possible(tmp_path: Path, epochs: int) -> None:
    """Nine batches in all made torch's one-cycle schedule divide by zero."""
    recipe = made_up.RECIPE.model_copy(update={"epochs": epochs})
    parts = made_up.split(24 if epochs == 3 else 8), made_up.split(6, seed=1)
    progress = fit(made_up.plain_task(made_up.network()), *parts, recipe, 1, 0, made_up.context(tmp_path))
    assert progress.epoch == epochs


def test_no_epochs_leave_the_weights_as_they_were(tmp_path: Path) -> None:
    task = made_up.plain_task(made_up.network())
    recipe = made_up.RECIPE.model_copy(update={"epochs": 0})
    progress = fit(task, made_up.split(16), made_up.split(6, seed=1), recipe, 1, 0, made_up.context(tmp_path))
    assert (progress.epoch, progress.history) == (0, [])
    state = made_up.network().state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in task.model.state_dict().items())


@pytest.mark.parametrize("part", ["train", "val"])
def test_an_empty_split_is_refused(tmp_path: Path, part: str) -> None:
    train, val = (made_up.split(0 if part == name else 16) for name in ("train", "val"))
    with pytest.raises(StepFailed, match="a split is empty"):
        fit(made_up.plain_task(made_up.network()), train, val, made_up.RECIPE, 1, 0, made_up.context(tmp_path))


def test_fewer_images_than_a_batch_are_one_batch(tmp_path: Path) -> None:
    watch = Watch()
    context = replace(made_up.context(tmp_path), reporter=watch)
    fit(made_up.plain_task(made_up.network()), made_up.split(5), made_up.split(6), made_up.RECIPE, 1, 0, context)
    assert watch.steps == [(1, 2), (2, 2)]


def test_every_batch_and_every_epoch_is_reported(tmp_path: Path) -> None:
    watch = Watch()
    context = replace(made_up.context(tmp_path), reporter=watch)
    progress = fit(
        made_up.plain_task(made_up.network()), made_up.split(27), made_up.split(6), made_up.RECIPE, 1, 0, context
    )
    assert watch.steps == [(number, 6) for number in range(1, 7)]  # 3 whole batches of 8 an epoch
    assert [step for step, _ in watch.epochs] == [0, 1]
    assert watch.epochs[1][1]["val_loss"] == progress.history[1]["val_loss"]


def test_a_seed_gives_its_own_numbers_every_time(tmp_path: Path) -> None:
    def losses(seed: int, name: str) -> list[float]:
        torch.manual_seed(torch.seed())
        task = made_up.plain_task(made_up.network())
        context = made_up.context(tmp_path / name)
        progress = fit(task, made_up.split(24), made_up.split(6), made_up.RECIPE, 8, seed, context)
        return [row["train_loss"] for row in progress.history]

    first = losses(0, "a")
    assert losses(0, "b") == first
    assert losses(1, "c") != first


@dataclass
class Asked:
    """Images, and which of them were asked for in which view."""

    images_NCHW: Tensor
    calls: list[tuple[list[int], list[int]]] = field(default_factory=list)

    def __call__(self, index_B: Tensor, views_B: Tensor) -> Tensor:
        self.calls.append((index_B.tolist(), views_B.tolist()))
        return PixelViews(self.images_NCHW)(index_B, views_B)


def test_every_epoch_has_its_own_order_and_views_and_no_image_twice(tmp_path: Path) -> None:
    images, _ = made_up.pictures(24)
    asked = Asked(images)
    train = replace(made_up.split(24), sources=(asked,))
    fit(made_up.plain_task(made_up.network()), train, made_up.split(6), made_up.RECIPE, 8, 0, made_up.context(tmp_path))
    first, second = (
        {image: view for index, views in epoch for image, view in zip(index, views, strict=True)}
        for epoch in (asked.calls[:3], asked.calls[3:])
    )
    assert sorted(first) == sorted(second) == list(range(24))
    assert list(first) != list(second)
    assert first != second  # the views of the images
    assert {*first.values(), *second.values()} == set(range(8))


def test_a_loss_that_is_not_finite_names_its_images(tmp_path: Path) -> None:
    images, _ = made_up.pictures(16)
    images[3] = torch.nan
    train, context = replace(made_up.split(16), sources=(PixelViews(images),)), made_up.context(tmp_path)
    with pytest.raises(StepFailed) as failed:
        fit(made_up.plain_task(made_up.network()), train, made_up.split(6), made_up.RECIPE, 1, 0, context)
    assert "the loss loss is nan" in failed.value.message
    assert "image-3" in failed.value.message
    assert failed.value.message.count("image-") == 8


def test_a_long_batch_is_named_in_short(tmp_path: Path) -> None:
    images, _ = made_up.pictures(16)
    train = replace(made_up.split(16), sources=(PixelViews(images * torch.nan),))
    recipe = made_up.RECIPE.model_copy(update={"batch_size": 16})
    with pytest.raises(StepFailed, match="and 8 more"):
        fit(made_up.plain_task(made_up.network()), train, made_up.split(6), recipe, 1, 0, made_up.context(tmp_path))


def test_weights_that_the_last_batch_spoilt_are_never_the_best(tmp_path: Path) -> None:
    """One batch an epoch, whose loss is still finite."""
    recipe = made_up.RECIPE.model_copy(update={"batch_size": 16, "lr": 1e38, "schedule": "step"})
    task = made_up.plain_task(made_up.network())
    with pytest.raises(StepFailed, match="the loss is not finite on 6 of 6 validation images: image-0, image-1, "):
        fit(task, made_up.split(16), made_up.split(6), recipe, 1, 0, made_up.context(tmp_path))


def test_a_validation_image_that_is_not_finite_is_named(tmp_path: Path) -> None:
    images, _ = made_up.pictures(6)
    images[4] = torch.nan
    val = replace(made_up.split(6), sources=(PixelViews(images),))
    with pytest.raises(StepFailed, match=r"on 1 of 6 validation images: image-4\."):
        fit(
            made_up.plain_task(made_up.network()),
            made_up.split(16),
            val,
            made_up.RECIPE,
            1,
            0,
            made_up.context(tmp_path),
        )


def test_a_training_that_goes_on_computes_as_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a measurement would say by then."""
    context = made_up.context(tmp_path)
    recipe = made_up.RECIPE.model_copy(update={"memory_format": "auto"})

    def measured(layout: torch.memory_format) -> Callable[..., Arithmetic]:
        return lambda *given: Arithmetic(layout=layout)

    def go(until: float) -> Progress:
        task, stopped = made_up.plain_task(made_up.network()), recipe.model_copy(update={"stop_after": until})
        return fit(task, made_up.split(16), made_up.split(6), stopped, 1, 0, context)

    monkeypatch.setattr(arithmetic, "choose", measured(torch.contiguous_format))
    assert not go(0.5).channels_last
    monkeypatch.setattr(arithmetic, "choose", measured(torch.channels_last))
    whole = go(1.0)
    assert not whole.channels_last
    assert len(whole.history) == 2


def test_frozen_stages_stay_and_the_rest_learns(tmp_path: Path) -> None:
    model = made_up.teacher()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    images, _ = made_up.pictures(16)
    with torch.no_grad():
        features = model.to_stage(images, 1)
    train = replace(made_up.split(16), sources=(PixelViews(features),))
    task = Classification("made-up", model.behind(1), LabelLoss(torch.ones(3)))
    assert torch.equal(task.logits(features)["selected"], made_up.teacher()(images))
    fit(task, train, train, made_up.RECIPE, 1, 0, made_up.context(tmp_path))
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {name for name in before if name.startswith(("stages.1", "stages.2", "head"))}


def test_class_weights_have_mean_one_over_the_images() -> None:
    labels = torch.tensor([0] * 90 + [1] * 9 + [2])
    for balance in (0.25, 0.5, 1.0):
        weights = class_weights(labels, 3, balance)
        assert weights[labels].mean().item() == pytest.approx(1, abs=1e-6)
        assert (weights[1] / weights[0]).item() == pytest.approx(10**balance, rel=1e-5)
    assert (class_weights(labels, 3, 1.0) * torch.tensor([90, 9, 1])).tolist() == pytest.approx([100 / 3] * 3)


def test_without_balance_every_image_counts_the_same() -> None:
    assert class_weights(torch.tensor([0, 0, 0, 1, 1, 2]), 3, 0.0).tolist() == [1, 1, 1]
    assert class_weights(torch.tensor([0, 0, 1]), 3, 0.5).isfinite().all()  # a class without images


def test_the_history_is_one_row_an_epoch(tmp_path: Path) -> None:
    write_history([{"epoch": 0, "train_loss": 0.5}, {"epoch": 1, "train_loss": 0.25}], tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as stream:
        assert list(csv.DictReader(stream)) == [
            {"epoch": "0", "train_loss": "0.5"},
            {"epoch": "1", "train_loss": "0.25"},
        ]
    write_history([], tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_text().split() == ["epoch"]


def test_mixed_inputs_have_the_labels_of_both_in_their_shares() -> None:
    images, labels = made_up.pictures(8)
    mixed, plain = made_up.plain_task(made_up.network(), mixup=0.4), made_up.plain_task(made_up.network())
    mixed.trained.eval()
    plain.trained.eval()
    torch.manual_seed(3)
    found = mixed.losses(labels, images, progress=0.0)["loss"]
    torch.manual_seed(3)
    share, other = torch.distributions.Beta(0.4, 0.4).sample().item(), torch.randperm(8)
    assert 0.001 < share < 0.999
    between = share * images + (1 - share) * images[other]
    expected = (
        share * plain.losses(labels, between, progress=0.0)["loss"]
        + (1 - share) * plain.losses(labels[other], between, progress=0.0)["loss"]
    )
    torch.testing.assert_close(found, expected)
