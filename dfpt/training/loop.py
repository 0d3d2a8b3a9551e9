"""The epoch loop, the same for every network that is trained here."""

from __future__ import annotations

import contextlib
import copy
import csv
import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from dfpt.config import Recipe
from dfpt.context import Context
from dfpt.errors import StepFailed
from dfpt.files import replacing
from dfpt.training import arithmetic, checkpoint, device, distributed, precision, schedule
from dfpt.training.arithmetic import Arithmetic
from dfpt.training.average import Average
from dfpt.training.validation import validate
from dfpt.training.views import Split


class Task(Protocol):
    """What is trained and how it is judged.

    Attributes:
        name: of the work, for progress and messages.
        trained: holds all that changes; its state is what a checkpoint keeps.
        judged: the part of it that validation is about, and that ``recipe.ema`` averages.
    """

    @property
    def name(self) -> str: ...

    @property
    def trained(self) -> nn.Module: ...

    @property
    def judged(self) -> nn.Module: ...

    def groups(self, lr: float) -> list[dict[str, Any]]:
        """The optimiser's parameter groups, each with its ``lr``."""

    def losses(self, labels_B: Tensor, *inputs: Tensor, progress: float) -> Mapping[str, Tensor]:
        """Named scalar losses of a batch; their sum is minimised.

        Args:
            labels_B: (B,) int64, or (B, K) probabilities where images were mixed.
            progress: share of the training behind.
        """

    def logits(self, *inputs: Tensor) -> Mapping[str, Tensor]:
        """Named logits (B, K) in eval mode; those named ``selected`` decide which epoch is kept."""

    def figures(self, logits: Mapping[str, Tensor], labels_N: Tensor) -> Mapping[str, float]:
        """Figures on the whole validation split beyond loss and accuracy of ``selected``."""


# Called before an epoch with its number and how the training computes.
Before = Callable[[int, Arithmetic], None]


@dataclass
class Progress:
    """The state of a training besides weights."""

    epoch: int = 0  # epochs that are behind
    best_epoch: int = -1
    best_score: tuple[float, float] = (-1.0, 0.0)
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)
    bfloat16: bool = False  # what was chosen, by the recipe or by measurement; a training that goes on keeps to it
    channels_last: bool = True

    @property
    def way(self) -> Arithmetic:
        """How it computes."""
        return Arithmetic(
            torch.bfloat16 if self.bfloat16 else torch.float32,
            torch.channels_last if self.channels_last else torch.contiguous_format,
        )

    @property
    def seconds(self) -> float:
        """Of all epochs, their validation included."""
        return sum(row["seconds"] for row in self.history)


def fit(
    task: Task,
    train: Split,
    val: Split,
    recipe: Recipe,
    views: int,
    seed: int,
    context: Context,
    before: Before | None = None,
    keep_last: bool = False,
) -> Progress:
    """Train ``task`` and leave it with the weights of the epoch that was best on validation data.

    The best epoch is that of the highest accuracy; among equals the one of the lower loss. All randomness of an epoch
    derives from (seed, epoch), that of a batch from its number besides: an interrupted training resumed from its
    checkpoint gives the same numbers, and what one batch draws (a prompt path's dropout) shifts nothing in the next.

    Args:
        views: how many exact views an image is drawn in, see :mod:`dfpt.datasets.batches`.
        before: called before every epoch, and in a training that is taken up before its first; what it draws shifts
            nothing of the epoch.
        keep_last: leave it with the weights of the last epoch instead.

    Raises:
        StepFailed: cancelled, or a loss that is not finite (of a batch, the message names the images).
    """
    if len(train.labels) == 0 or len(val.labels) == 0:
        raise StepFailed(f"{task.name}: a split is empty.", "Give it more images.")
    with device.holding(arithmetic.networks(task)):
        return _fit(task, train, val, recipe, views, seed, context, before, keep_last)


def drawn_views(seed: int, epoch: int, views: int, count: int) -> Tensor:
    """(N,) the view that an epoch shows each image in; torch's generator stands where the epoch's order is drawn."""
    torch.manual_seed(seed * 100_003 + epoch)
    return torch.randint(views, (count,))


def _seed_batch(*key: int) -> None:
    """Let torch's generator begin anew for what is drawn in one batch: noise, dropout, a method's negatives."""
    torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]))


def _fit(
    task: Task,
    train: Split,
    val: Split,
    recipe: Recipe,
    views: int,
    seed: int,
    context: Context,
    before: Before | None,
    keep_last: bool,
) -> Progress:
    optimiser = optimiser_of(task, recipe)
    batches = max(1, len(train.labels) // recipe.batch_size)
    rates = schedule.build(optimiser, recipe, batches)
    average = Average(task.judged, recipe.ema) if recipe.ema else None
    progress, best = Progress(), copy.deepcopy(task.trained.state_dict())
    distributed.wait()  # the first process may still be waiting for the one that worked here before
    if state := checkpoint.load(context.checkpoints):
        task.trained.load_state_dict(state["weights"])
        optimiser.load_state_dict(state["optimiser"])
        rates.load_state_dict(state["schedule"])
        if average:
            average.restore(state["average"])
        progress = Progress(**(state["progress"] | {"best_score": tuple(state["progress"]["best_score"])}))
        best = state["best"]
    until = math.ceil(recipe.stop_after * recipe.epochs)
    way = Arithmetic()
    if progress.epoch < until:
        way = progress.way if state else arithmetic.choose(task, train, recipe, context.home)
        if way.layout is not torch.channels_last:  # which they are in
            arithmetic.arrange(task, way.layout)
        progress.bfloat16, progress.channels_last = way.dtype is torch.bfloat16, way.layout is torch.channels_last
        if recipe.compile:
            arithmetic.compile_parts(task)

    for epoch in range(progress.epoch, until):
        start = time.perf_counter()
        if before:
            before(epoch, way)
        task.trained.train()
        totals: dict[str, float] = {}
        drawn = drawn_views(seed, epoch, views, len(train.labels))
        order = _order(len(train.labels), recipe.batch_size)
        random = np.random.default_rng((seed, epoch, distributed.rank()))
        for number, whole in enumerate(order):
            if context.cancelled():
                raise StepFailed(f"{task.name} was interrupted in epoch {epoch + 1}.", "Run again: it goes on there.")
            index = distributed.share(whole)
            _seed_batch(seed, epoch, number, distributed.rank())
            labels, inputs = train.batch(index, drawn[index], random)
            behind = (epoch + number / batches) / recipe.epochs
            with precision.autocast(way.dtype):
                losses = task.losses(labels, *way.arranged(inputs), progress=behind)
            _check_finite(task.name, losses, train, index)
            update(optimiser, losses, recipe.clip)
            rates.step()
            if average:
                average.update()
            for name, loss in losses.items():
                totals[name] = totals.get(name, 0.0) + loss.item() / batches
            context.reporter.progress(epoch * batches + number + 1, until * batches, f"epoch {epoch + 1}/{until}")
        distributed.average_buffers(task.trained)
        with average.in_place() if average else contextlib.nullcontext():
            figures = validate(task, val)
            score = (figures["val_accuracy"], -figures["val_loss"])
            if keep_last or score > progress.best_score:
                progress.best_score, progress.best_epoch = score, epoch
                best = copy.deepcopy(task.trained.state_dict())
        row = {f"train_{name}": total for name, total in distributed.mean(totals).items()} | figures
        context.reporter.metrics(row, epoch)
        progress.history.append({"epoch": epoch, **row, "seconds": time.perf_counter() - start})
        progress.epoch = epoch + 1
        if distributed.rank() == 0:
            checkpoint.save(
                context.checkpoints,
                {
                    "weights": task.trained.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "schedule": rates.state_dict(),
                    "average": average.state() if average else None,
                    "best": best,
                    "progress": dataclasses.asdict(progress),
                },
            )
    task.trained.load_state_dict(best)
    return progress


def optimiser_of(task: Task, recipe: Recipe) -> torch.optim.Optimizer:
    groups = task.groups(recipe.lr)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, weight_decay=recipe.weight_decay)
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, fused=True)


def update(optimiser: torch.optim.Optimizer, losses: Mapping[str, Tensor], clip: float = 0.0) -> None:
    """One step down the sum of the losses.

    Args:
        clip: the longest gradient of each parameter group (ours: of each, so that what the prompt path learns never
            changes the student's step); 0: any length.
    """
    optimiser.zero_grad(set_to_none=True)
    torch.stack(list(losses.values())).sum().backward()
    groups = [group["params"] for group in optimiser.param_groups]
    distributed.average_gradients(parameter for group in groups for parameter in group)
    if clip:
        for group in groups:
            nn.utils.clip_grad_norm_(group, clip)
    optimiser.step()


def write_history(history: list[dict[str, float]], path: Path) -> None:
    """One row an epoch; only a header where there was none."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(history[0]) if history else ["epoch"])
        writer.writeheader()
        writer.writerows(history)


def _order(count: int, batch_size: int) -> list[Tensor]:
    """A random order cut into whole batches; the rest sits out this epoch (one batch of all where there are few)."""
    order = torch.randperm(count)
    return [order] if count < batch_size else list(torch.split(order[: count // batch_size * batch_size], batch_size))


def _check_finite(name: str, losses: Mapping[str, Tensor], train: Split, index_B: Tensor) -> None:
    for loss, value in losses.items():
        if not torch.isfinite(value):
            raise StepFailed(
                f"{name}: the {loss} loss is {value.item()} in a batch of the images {train.named(index_B)}.",
                "Lower the learning rate, or look at these images.",
            )
