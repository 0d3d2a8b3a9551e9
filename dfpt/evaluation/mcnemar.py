"""Are two models' hits on the same images more different than chance makes them? (McNemar 1947, the exact test)

Only the images count on which one is right and the other wrong. If the models were equally good, each of those would be
a toss of a coin.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray


class Paired(TypedDict):
    """Images that only one of two models is right on, and the two-sided exact p-value of such a difference."""

    only_one: int
    only_other: int
    p_value: float


def paired(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> Paired:
    """Compare the hits (N,) of one model with the other's."""
    only_one, only_other = int(np.sum(one & ~other)), int(np.sum(other & ~one))
    return Paired(only_one=only_one, only_other=only_other, p_value=p_different(only_one, only_other))


def p_worse(only_one: int, only_other: int) -> float:
    """How probable so few hits of ``one`` are if it is not worse: P(X <= only_one), X binomial of n = both, p = 1/2.

    Exact, in whole numbers.
    """
    n = only_one + only_other
    term = total = 1
    for k in range(only_one):
        term = term * (n - k) // (k + 1)
        total += term
    return float(total / 2**n)


def p_different(only_one: int, only_other: int) -> float:
    """Two-sided: twice the smaller tail, at most 1."""
    return min(1.0, 2 * p_worse(min(only_one, only_other), max(only_one, only_other)))
