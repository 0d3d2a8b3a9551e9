"""What a saved network says of images: the one inference routine of evaluate, gate, drift and the benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dfpt.datasets import ImageSet

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
    import torch

    from dfpt.datasets.batches import to_input
    from dfpt.models import load
    from dfpt.models.backbone import laid_out

    model, spec = load(folder)
    model = laid_out(model)
    answers = [np.zeros((0, spec.num_classes), np.float32)]
    embedding = [np.zeros((0, model.widths[-1]), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(rows), _BATCH):
            pixels = torch.from_numpy(np.asarray(images[rows[start : start + _BATCH]]))
            features = model.features(to_input(pixels, spec.image_size, spec.in_channels, spec.mean, spec.std))
            answers.append(model.head(features).numpy())
            embedding.append(features.mean((2, 3)).numpy())
            told(min(start + _BATCH, len(rows)), len(rows))
    return np.concatenate(answers), np.concatenate(embedding)
