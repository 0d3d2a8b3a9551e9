"""A registered ONNX model, asked with onnxruntime on one core: what production would answer. No torch."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfpt.errors import UsageError
from dfpt.evaluation.predictions import softmax

_BATCH = 64
_WARM_UP = 5


class Exported:
    """An open model.

    Attributes:
        classes: names of its answers, in order.
        channels, size: of its input (N, channels, size, size), pixels on [0, 255].
    """

    def __init__(self, artifact: Path) -> None:
        """``artifact``: folder of a registered version. Raises UsageError where it holds no model that can be asked."""
        import onnxruntime  # type: ignore[import-untyped]

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                str(artifact / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
            spec = json.loads((artifact / "student" / "model.json").read_text(encoding="utf-8"))
            self.classes = tuple(str(name) for name in spec["classes"])
            (given,) = self._session.get_inputs()
            _, self.channels, self.size, _ = given.shape
            self._input = given.name
        except Exception as error:  # onnxruntime raises what it likes on a damaged file
            raise UsageError(
                f"{artifact} holds no model that can be asked: {error}", "Train or copy it again."
            ) from error

    def answer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (N, K) of pixels (N, S, S, C) of any size.

        Raises:
            UsageError: an output that is not finite.
        """
        parts = [self._logits(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH)]
        logits_NK = np.concatenate(parts)
        if not np.isfinite(logits_NK).all():
            raise UsageError("A model's outputs are not finite.", "It must not be in production: reject it.")
        return softmax(logits_NK)

    def latency_seconds(self, images: NDArray[np.uint8], runs: int) -> float:
        """Median time of one image, over ``runs`` of them, in seconds."""
        ready = self._ready(images[:1])
        times = []
        for run in range(_WARM_UP + runs):
            started = time.perf_counter()
            self._session.run(None, {self._input: ready})
            if run >= _WARM_UP:
                times.append(time.perf_counter() - started)
        return statistics.median(times)

    def _logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits_NK: NDArray[np.float32] = self._session.run(None, {self._input: self._ready(images)})[0]
        return logits_NK

    def _ready(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return to_pixels(images, self.channels, self.size)


def to_pixels(images: NDArray[np.uint8], channels: int, size: int) -> NDArray[np.float32]:
    """Pixels (N, S, S, C) -> (N, channels, size, size) on [0, 255], as training made its input of them.

    PIL's bilinear filter averages areas where it shrinks, as that of dfpt.datasets.batches does.
    """
    from PIL import Image

    x = images.astype(np.float32)
    if x.shape[-1] != channels:
        x = np.repeat(x, channels, axis=-1) if x.shape[-1] == 1 else x.mean(axis=-1, keepdims=True)
    if x.shape[1:3] != (size, size):
        planes = np.moveaxis(x, -1, 1).reshape(-1, *x.shape[1:3])
        small = [np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR)) for plane in planes]
        return np.stack(small).reshape(len(x), channels, size, size)
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))
