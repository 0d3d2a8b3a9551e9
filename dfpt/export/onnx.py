"""The student as ONNX, with the normalisation inside: whoever runs it hands over pixels as the camera gave them."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dfpt import files
from dfpt.models import Backbone, ModelSpec, load

INPUT = "images"
OUTPUT = "logits"
OPSET = 20


class Deployed(nn.Module):
    """Pixels (N, C, S, S), float32 on [0, 255] -> logits (N, K)."""

    scale: Tensor
    offset: Tensor

    def __init__(self, network: Backbone, spec: ModelSpec) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("scale", torch.tensor(1 / (255 * spec.std)))
        self.register_buffer("offset", torch.tensor(spec.mean / spec.std))

    def forward(self, images: Tensor) -> Tensor:
        logits_NK: Tensor = self.network(images * self.scale - self.offset)
        return logits_NK


def export(model_folder: Path, target: Path) -> None:
    """Write the network in ``model_folder`` to ``target``: input ``images``, output ``logits``, any number of images.

    torch's newer exporter, though it takes 3 s where the older takes 0.2 s: the older is deprecated.

    Raises:
        UsageError: the folder holds no usable model.
    """
    import onnx

    network, spec = load(model_folder)
    example = torch.zeros(2, spec.in_channels, spec.image_size, spec.image_size)
    with _quiet():
        program = torch.onnx.export(
            Deployed(network, spec).eval(),
            (example,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamic_shapes={INPUT: {0: torch.export.Dim("batch")}},
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # so it is with dynamo=True
    model = program.model_proto
    for node in model.graph.node:  # the exporter's notes: this machine's paths, line by line
        del node.metadata_props[:]
    onnx.checker.check_model(model)
    with files.replacing(target) as partial:
        onnx.save_model(model, partial)


def answers(onnx_path: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """The exported model's logits (N, K) for pixels (N, C, S, S) on [0, 255]."""
    import onnxruntime  # type: ignore[import-untyped]

    session = onnxruntime.InferenceSession(str(onnx_path), providers=["CPUExecutionProvider"])
    logits_NK: NDArray[np.float32] = session.run([OUTPUT], {INPUT: images})[0]
    return logits_NK


def parity(model_folder: Path, onnx_path: Path, images: NDArray[np.float32]) -> float:
    """The largest difference between the logits of the network and of its ONNX form.

    Args:
        images: (N, C, S, S) pixels on [0, 255].
    """
    with torch.inference_mode():
        own_NK = Deployed(*load(model_folder)).eval()(torch.from_numpy(images)).numpy()
    return float(np.max(np.abs(answers(onnx_path, images) - own_NK)))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's talk of torchvision, which is not asked for, and of its own deprecations."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
