"""Factors that rise from 0 to 1 in the first part of a training."""

from __future__ import annotations

import math


def linear_rise(progress: float, share: float) -> float:
    """progress / share, at most 1; 1 throughout where ``share`` is 0."""
    return min(progress / share, 1.0) if share > 0 else 1.0


def cosine_rise(progress: float, share: float) -> float:
    """The same end points along half a cosine."""
    return (1 - math.cos(math.pi * linear_rise(progress, share))) / 2
