"""Two-sample tests by permutation: were the images dealt to the two sets at random?

If they were, every other deal is as likely as the one seen, so a statistic's rank among those of random deals is its
p-value, exactly, whatever the statistic and however the descriptions depend on each other. All statistics look at the
same deals; that is what lets several of them be one test.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Deals = NDArray[np.bool_]  # (B + 1, N): which of the N images are the current ones; row 0 is as it was seen

_BLOCK = 512  # rows of the kernel matrix in memory at once
_FOR_MEDIAN = 500  # images
_EQUAL = 1e-12  # of statistics that differ by rounding alone


def deal(current: int, reference: int, permutations: int, random: np.random.Generator) -> Deals:
    """The deal seen, the current images first, and ``permutations`` random ones."""
    seen = np.arange(current + reference) < current
    deals = np.tile(seen, (permutations + 1, 1))
    deals[1:] = random.permuted(deals[1:], axis=1)
    return deals


def kolmogorov_smirnov(values_NF: Values, deals: Deals) -> Values:
    """Per deal and column (B + 1, F), the largest distance between the two sets' distribution functions.

    The product of the two numbers of images must be below 2^31.
    """
    current = int(deals[0].sum())
    reference = deals.shape[1] - current
    # A step up for a current image, down for a reference one, in whole numbers: equal distances stay equal.
    steps = np.ascontiguousarray(np.where(deals, reference, -current).astype(np.int32).T)  # (N, B + 1)
    found = np.empty((len(deals), values_NF.shape[1]))
    for column, values in enumerate(values_NF.T):
        order = np.argsort(values, kind="stable")
        ends = np.append(np.diff(values[order]) > 0, True)  # of equal values only the last counts
        walk = np.cumsum(steps[order], axis=0, dtype=np.int32)
        if not ends.all():
            walk = walk[ends]
        found[:, column] = np.maximum(walk.max(0), -walk.min(0)) / (current * reference)
    return found


def mean_discrepancy(values_NF: Values, deals: Deals) -> tuple[Values, Values]:
    """Squared maximum mean discrepancy (Gretton et al. 2012) per deal, and how current each image looks.

    Gaussian kernel over columns of mean 0 and variance 1, its width the median distance. The biased estimate: its bias
    is the same in every deal. Exact, in time N^2 B and memory N B.

    Returns:
        (B + 1,) discrepancies; (N,) the witness function of the deal seen: high where current images are dense and
        reference images are not.
    """
    spread = values_NF.std(0)
    x = ((values_NF - values_NF.mean(0)) / np.where(spread > 0, spread, 1)).astype(np.float32)
    width = _median_squared_distance(x)
    current = int(deals[0].sum())
    weights = np.where(deals, 1 / current, -1 / (deals.shape[1] - current)).astype(np.float32).T  # (N, B + 1)
    found, witness = np.zeros(len(deals)), np.empty(len(x))
    for start in range(0, len(x), _BLOCK):
        block = slice(start, start + _BLOCK)
        weighted = np.exp(_squared_distances(x[block], x) / -width) @ weights
        found += np.einsum("nb,nb->b", weighted, weights[block], dtype=np.float64)
        witness[block] = weighted[:, 0]
    return found, witness


def p_values(statistic_B: Values) -> Values:
    """For every deal the share of deals whose statistic is at least as large."""
    ordered = np.sort(statistic_B)
    return (len(ordered) - np.searchsorted(ordered, statistic_B - _EQUAL)) / len(ordered)


def combined(statistics: list[Values]) -> float:
    """One p-value of several tests: how rare, among the deals, is a smallest p-value as small as the one seen."""
    smallest = np.min([p_values(statistic) for statistic in statistics], axis=0)
    return float((smallest <= smallest[0] + _EQUAL).mean())


def _median_squared_distance(x: NDArray[np.float32]) -> float:
    some = x[:: max(1, len(x) // _FOR_MEDIAN)]
    distances = _squared_distances(some, some)[np.triu_indices(len(some), 1)]
    return max(float(np.median(distances)), _EQUAL)


def _squared_distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    distances: NDArray[np.float32] = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * (a @ b.T)
    return np.maximum(distances, 0)
