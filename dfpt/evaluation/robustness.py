"""How much of a model's accuracy is left when noise, blur, light or a turned part come between camera and model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Hits:
    """On which images each model is right, (N,) each.

    Attributes:
        clean: model -> on the images as they are.
        corrupted: kind -> strength ("1" to "5") -> model -> on the corrupted ones.
    """

    clean: dict[str, Flags]
    corrupted: dict[str, dict[str, dict[str, Flags]]]

    @property
    def images(self) -> int:
        return len(next(iter(self.clean.values())))


def measure(
    models: Mapping[str, Path],
    images: ImageSet,
    most: int,
    told: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """What evaluate's report says of robustness: see :func:`hits` and :func:`figures`."""
    return figures(hits(models, images, most, told, cancelled))


def hits(
    models: Mapping[str, Path],
    images: ImageSet,
    most: int,
    told: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Hits:
    """Every model's answers under every kind and strength of :data:`dfpt.corruption.SUITE`.

    Args:
        models: name -> folder of its weights.
        most: of so many test images, drawn evenly in the order of the files; every model sees the same ones.
        told: (corrupted sets done, of how many).

    Raises:
        StepFailed: a model's outputs are not finite, or the work was cancelled.
    """
    rows = some(images.rows("test"), most)
    labels = images.labels("test")[np.searchsorted(images.rows("test"), rows)]
    pixels = np.asarray(images.images[rows])
    asked = {name: _ask(name, folder) for name, folder in models.items()}

    def right(seen: NDArray[np.uint8]) -> dict[str, Flags]:
        return {name: ask(seen) == labels for name, ask in asked.items()}

    corrupted: dict[str, dict[str, dict[str, Flags]]] = {}
    sets = len(corruption.SUITE) * len(corruption.STRENGTHS)
    for kind in corruption.SUITE:
        corrupted[kind] = {}
        for strength in corruption.STRENGTHS:
            if cancelled():
                raise StepFailed("Cancelled while evaluating.", "Run again: what is finished is kept.")
            corrupted[kind][str(strength)] = right(corruptions.corrupt(pixels, kind, strength))
            told(sum(map(len, corrupted.values())), sets)
    return Hits(right(pixels), corrupted)


def figures(found: Hits) -> dict[str, Any]:
    """Accuracies as ``report.json`` has them.

    Returns:
        ``images``, how many; ``clean``, model -> accuracy on them as they are; ``corrupted``, kind -> strength ("1" to
        "5") -> ``value`` in the kind's unit, and model -> accuracy; ``mean``, model -> mean over all of these.
    """

    def accuracy(right: Mapping[str, Flags]) -> dict[str, float]:
        return {name: float(np.mean(flags)) for name, flags in right.items()}

    corrupted = {
        kind: {
            str(strength): {"value": value, **accuracy(found.corrupted[kind][str(strength)])}
            for strength, value in zip(corruption.STRENGTHS, values, strict=True)
        }
        for kind, values in corruption.SUITE.items()
    }
    return {
        "images": found.images,
        "clean": accuracy(found.clean),
        "corrupted": corrupted,
        "mean": {name: corruption.mean(corrupted, name) for name in found.clean},
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
