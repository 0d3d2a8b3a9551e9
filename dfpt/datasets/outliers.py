"""How far each value is from the others: the robust z of Iglewicz and Hoaglin (1993)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_NORMAL = 1.4826  # makes the median absolute deviation of normal values their standard deviation
_NORMAL_MEAN = 1.2533  # the same for the mean absolute deviation
_FEWEST = 10  # images of a class

Values = NDArray[np.float64]


def robust_z(values_N: Values) -> Values:
    """(x - median) / deviation, the deviation being the median absolute one.

    Where more than half of the values are equal that is zero, and the mean absolute deviation stands for it; where all
    are equal, every z is 0.
    """
    if not len(values_N):
        return np.zeros(0)
    away = values_N - np.median(values_N)
    spread = _NORMAL * float(np.median(np.abs(away))) or _NORMAL_MEAN * float(np.abs(away).mean())
    return away / spread if spread else np.zeros(len(values_N))


def from_its_kind(values_N: Values, classes_N: Sequence[str]) -> Values:
    """The robust z of each value among all or among its class, whichever is nearer to 0.

    One class may be all dark and another all bright, and a class may be rare: neither makes an image odd. A class of
    fewer than ten images says nothing of its own.
    """
    nearest, classes = robust_z(values_N), np.asarray(classes_N, str)
    for name in np.unique(classes):
        own = np.flatnonzero(classes == name)
        if len(own) >= _FEWEST:
            among_own = robust_z(values_N[own])
            nearer = np.abs(among_own) < np.abs(nearest[own])
            nearest[own[nearer]] = among_own[nearer]
    return nearest
