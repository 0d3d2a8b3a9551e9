"""How far each value is from the others: the robust z of Iglewicz and Hoaglin (1993)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NORMAL = 1.4826  # makes the median absolute deviation of normal values their standard deviation
_NORMAL_MEAN = 1.2533  # the same for the mean absolute deviation

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
