"""Learning rates over a training, changed after every step."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from dfpt.config import Recipe

_WARM_UP = 0.1  # share of the steps in which the learning rate rises
_SHORTEST = 11  # steps of a one-cycle schedule whose warm-up is not empty; torch divides by zero at 10
_DROPS = (150 / 240, 180 / 240, 210 / 240)  # of the CRD benchmark: at these shares of the training the rate falls
_DROP = 0.1  # to this much


def build(optimiser: Optimizer, recipe: Recipe, batches: int) -> LRScheduler:
    """The schedule of ``recipe``; each group's ``lr`` is its highest.

    Args:
        batches: of an epoch.
    """
    steps = batches * recipe.epochs
    if recipe.schedule == "one-cycle":
        return OneCycleLR(
            optimiser,
            max_lr=[group["lr"] for group in optimiser.param_groups],
            total_steps=max(steps + 1, _SHORTEST),
            pct_start=_WARM_UP,
        )
    share = stepped if recipe.schedule == "step" else cosine
    return LambdaLR(optimiser, lambda step: share(step / max(steps, 1)))


def stepped(behind: float) -> float:
    """Share of the highest rate, constant between its drops. ``behind``: share of the training that is over."""
    return float(_DROP ** sum(behind >= drop for drop in _DROPS))


def cosine(behind: float) -> float:
    """Share of the highest rate: a linear warm-up (never 0), then half a cosine down to 0."""
    if behind < _WARM_UP:
        return max(behind / _WARM_UP, 0.01)
    return (1 + math.cos(math.pi * min((behind - _WARM_UP) / (1 - _WARM_UP), 1.0))) / 2
