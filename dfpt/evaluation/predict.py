"""What a saved network says of images: the one inference routine of evaluate, gate and the benchmarks."""

from __future__ import annotations

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
    import torch

    from dfpt.datasets.batches import to_input
    from dfpt.models import load
    from dfpt.models.backbone import laid_out

    model, spec = load(folder)
    model = laid_out(model)
    found = [np.zeros((0, spec.num_classes), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(rows), _BATCH):
            pixels = torch.from_numpy(np.asarray(images.images[rows[start : start + _BATCH]]))
            found.append(model(to_input(pixels, spec.image_size, spec.in_channels, spec.mean, spec.std)).numpy())
    return np.concatenate(found)
