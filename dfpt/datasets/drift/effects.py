"""How far one description has moved: a p-value says that it has, and with many images says so of anything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_DECILES = 10
_BARS = 24


def shift(reference: Values, current: Values) -> float | None:
    """The mean's move in the reference's standard deviations; None where the reference does not vary."""
    spread = float(reference.std())
    return float(current.mean() - reference.mean()) / spread if spread > 0 else None


def stability_index(reference: Values, current: Values) -> float:
    """Population stability index over the reference's deciles, half an image added to each bin against empty ones.

    By custom below 0.1 is steady and above 0.25 a shift; of 300 images about 0.04 is chance.
    """
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, _DECILES + 1)[1:-1]))
    if len(edges) < _DECILES - 1:  # a value that many images share is a bin of its own
        edges = np.unique(np.append(edges, np.nextafter(edges, np.inf)))
    shares = []
    for values in (reference, current):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    before, now = shares
    return float(((now - before) * np.log(now / before)).sum())


def histogram(reference: Values, current: Values) -> dict[str, Any]:
    """Shares of both sets in equal bins; the outermost half percent of all images goes into the outer bins."""
    low, high = np.quantile(np.concatenate([reference, current]), [0.005, 0.995])
    edges = np.linspace(low, high if high > low else low + 1, _BARS + 1)
    counts = (np.histogram(values.clip(edges[0], edges[-1]), edges)[0] for values in (reference, current))
    before, now = (count / count.sum() for count in counts)
    return {"low": float(edges[0]), "high": float(edges[-1]), "reference": before.tolist(), "current": now.tolist()}
