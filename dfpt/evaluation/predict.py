"""What a saved network says of images: the one inference routine of evaluate, gate, drift and the benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from dfpt.datasets import ImageSet
    from dfpt.models import ModelSpec

_BATCH = 128


def logits(folder: Path, images: ImageSet, rows: np.ndarray) -> np.ndarray:
    """Logits (N, K), float32, of the images at ``rows``, by the network saved in ``folder``, in float32 and eval mode.

    Raises:
        UsageError: the folder holds no usable model.
    """
    return embedded(folder, images.images, rows, lambda done, total: None)[0]


def embedded(
    folder: Path, images: np.ndarray, rows: np.ndarray, told: Callable[[int, int], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, K) and embedding (N, E), float32: what the head is given, averaged over its places.

    Args:
        images: uint8 (M, S, S, C); may be a memory map.
        told: (images done, of how many).

    Raises:
        UsageError: the folder holds no usable model.
    """
    from dfpt.models import load
    from dfpt.models.backbone import laid_out

    model, spec = load(folder)
    model = laid_out(model)

    def ask(images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        features = model.features(images_BCHW)
        return model.head(features), features.mean((2, 3))

    answers, embedding = in_batches(ask, spec, images, rows, told)
    if not answers:
        return np.zeros((0, spec.num_classes), np.float32), np.zeros((0, model.widths[-1]), np.float32)
    return np.concatenate(answers), np.concatenate(embedding)


def in_batches(
    ask: Callable[[Tensor], tuple[Tensor, Tensor]],
    spec: ModelSpec,
    images: np.ndarray,
    rows: np.ndarray,
    told: Callable[[int, int], None],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Both results of ``ask``, (B, ...) each, of the images at ``rows``, a piece for each batch.

    Args:
        ask: in eval mode; takes input that is normalised as ``spec`` says.
        told: (images done, of how many).
    """
    import torch

    from dfpt.datasets.batches import to_input

    found: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    with torch.inference_mode():
        for start in range(0, len(rows), _BATCH):
            pixels = torch.from_numpy(np.asarray(images[rows[start : start + _BATCH]]))
            given = ask(to_input(pixels, spec.image_size, spec.in_channels, spec.mean, spec.std))
            for parts, values in zip(found, given, strict=True):
                parts.append(values.numpy())
            told(min(start + _BATCH, len(rows)), len(rows))
    return found
