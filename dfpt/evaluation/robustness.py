"""How much of a model's accuracy is left when noise, blur, light or a turned part come between camera and model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfpt import corruption
from dfpt.datasets import corruptions
from dfpt.errors import StepFailed

if TYPE_CHECKING:
    from dfpt.datasets import ImageSet

Ask = Callable[[NDArray[np.uint8]], NDArray[np.int64]]  # pixels (N, S, S, C) -> called classes (N,)


def measure(
    models: Mapping[str, Path],
    images: ImageSet,
    most: int,
    told: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """Accuracy of every model under every kind and strength of :data:`dfpt.corruption.SUITE`.

    Args:
        models: name -> folder of its weights.
        most: of so many test images, drawn evenly in the order of the files; every model sees the same ones.
        told: (corrupted sets done, of how many).

    Returns:
        ``images``, how many; ``clean``, model -> accuracy on them as they are; ``corrupted``, kind -> strength ("1" to
        "5") -> ``value`` in the kind's unit, and model -> accuracy; ``mean``, model -> mean over all of these.

    Raises:
        StepFailed: a model's outputs are not finite, or the work was cancelled.
    """
    rows = some(images.rows("test"), most)
    labels = images.labels("test")[np.searchsorted(images.rows("test"), rows)]
    pixels = np.asarray(images.images[rows])
    asked = {name: _ask(name, folder) for name, folder in models.items()}

    def accuracy(seen: NDArray[np.uint8]) -> dict[str, float]:
        return {name: float(np.mean(ask(seen) == labels)) for name, ask in asked.items()}

    corrupted: dict[str, dict[str, dict[str, float]]] = {}
    sets = len(corruption.SUITE) * len(corruption.STRENGTHS)
    for kind, values in corruption.SUITE.items():
        corrupted[kind] = {}
        for strength, value in zip(corruption.STRENGTHS, values, strict=True):
            if cancelled():
                raise StepFailed("Cancelled while evaluating.", "Run again: what is finished is kept.")
            seen = corruptions.corrupt(pixels, kind, strength)
            corrupted[kind][str(strength)] = {"value": value, **accuracy(seen)}
            told(sum(map(len, corrupted.values())), sets)
    return {
        "images": len(rows),
        "clean": accuracy(pixels),
        "corrupted": corrupted,
        "mean": {name: corruption.mean(corrupted, name) for name in models},
    }


def some(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most ``most`` of the rows, evenly."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]


def _ask(name: str, folder: Path) -> Ask:
    from dfpt import models
    from dfpt.evaluation import predict
    from dfpt.models.backbone import laid_out

    network, spec = models.load(folder)
    network = laid_out(network)

    def ask(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        parts, _ = predict.in_batches(
            lambda images_BCHW: (network(images_BCHW), images_BCHW[:, 0, 0, 0]),
            spec,
            pixels,
            np.arange(len(pixels)),
            lambda done, total: None,
        )
        logits_NK = np.concatenate(parts)
        if not np.isfinite(logits_NK).all():
            raise StepFailed(f"Cannot evaluate: the {name}'s outputs on corrupted images are not finite.")
        called: NDArray[np.int64] = logits_NK.argmax(axis=1)
        return called

    return ask
