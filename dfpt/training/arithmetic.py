"""How a training computes: number type, memory format, compiled or not. What is ``auto`` is measured, then kept."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dfpt.config import Recipe
from dfpt.models import Backbone
from dfpt.models.backbone import laid_out
from dfpt.training import device, distributed, precision
from dfpt.training.views import Split

if TYPE_CHECKING:
    from dfpt.training.loop import Task

# The usual one first: what is measured has to be worth leaving it.
_FORMATS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}


@dataclass(frozen=True)
class Arithmetic:
    """What was chosen.

    Attributes:
        dtype: for autocast.
        layout: of the networks' weights and of their images.
    """

    dtype: torch.dtype = torch.float32
    layout: torch.memory_format = torch.channels_last

    @property
    def precision(self) -> str:
        """As a recipe says it."""
        return next(name for name, dtype in precision.TYPES.items() if dtype is self.dtype)

    @property
    def memory_format(self) -> str:
        """As a recipe says it."""
        return next(name for name, layout in _FORMATS.items() if layout is self.layout)

    def arranged(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """A batch in this memory format; batches come in channels last."""
        if self.layout is torch.channels_last:
            return inputs
        return tuple(x.contiguous() for x in inputs)


def choose(task: Task, train: Split, recipe: Recipe, home: Path) -> Arithmetic:
    """What the recipe says; what it leaves open the first process measures, on copies of the task's networks."""
    if "auto" not in (recipe.precision, recipe.memory_format):
        return Arithmetic(precision.TYPES[recipe.precision], _FORMATS[recipe.memory_format])
    index = distributed.share(torch.arange(min(recipe.batch_size, len(train.labels))))
    inputs, labels = train.inputs(index, torch.zeros_like(index)), train.labels[index].to(device.chosen())
    size = sum(parameter.numel() for parameter in task.trained.parameters())
    what = f"{task.name} {size} {[tuple(x.shape) for x in inputs]}"

    def step(layout: torch.memory_format) -> Callable[[], Tensor]:
        @functools.cache
        def trial() -> tuple[Task, tuple[Tensor, ...]]:
            copied = copy.deepcopy(task)  # since BatchNorm's statistics move in a measurement
            arrange(copied, layout)
            copied.trained.train()
            return copied, Arithmetic(layout=layout).arranged(inputs)

        def loss() -> Tensor:
            copied, given = trial()
            return torch.stack(list(copied.losses(labels, *given, progress=0.0).values())).sum()

        return loss

    def measured() -> tuple[torch.dtype, str]:
        steps = {name: step(layout) for name, layout in _FORMATS.items()}
        usual = next(iter(steps)) if recipe.memory_format == "auto" else recipe.memory_format
        dtype = precision.choose(recipe.precision, steps[usual], what, home)
        if recipe.memory_format != "auto":
            return dtype, usual
        return dtype, precision.faster("memory_format.json", steps, dtype, what, home)

    dtype, layout = distributed.of_first(measured)
    return Arithmetic(dtype, _FORMATS[layout])


def arrange(task: Task, layout: torch.memory_format) -> None:
    """Put every network of the task into the memory format."""
    for network in networks(task):
        laid_out(network, layout)


def compile_parts(task: Task) -> None:
    """Let torch compile what is called of the task's networks: a stem, each stage, a head, each block of the prompt
    path. Their parameters keep their names."""
    for network in networks(task):
        for part in _parts(network):
            part.compile()


def networks(task: Task) -> list[nn.Module]:
    """All that a task computes with."""
    return [value for value in vars(task).values() if isinstance(value, nn.Module)]


def _parts(network: nn.Module) -> Iterator[nn.Module]:
    if _is_called_by_parts(network):
        for child in network.children():
            yield from _parts(child)
    else:
        yield network


def _is_called_by_parts(network: nn.Module) -> bool:
    """A backbone, what is built over one, and containers, which have no forward method of their own."""
    built_over_one = any(isinstance(child, Backbone) for child in network.children())
    return isinstance(network, Backbone) or built_over_one or type(network).forward is nn.Module.forward
