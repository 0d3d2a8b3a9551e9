from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx as onnx_library
import pytest
import torch
from numpy.typing import NDArray

from dfpt import models
from dfpt.export import onnx
from dfpt.models.backbone import count_parameters

SIZE = 16


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = models.create("tiny_20k", 3, 1, SIZE)
    with torch.no_grad():  # as if trained: biases of 0 would hide everything before them
        for weights in (*network.parameters(), *network.buffers()):
            if weights.is_floating_point():
                weights.uniform_(0.5, 1.0) if weights.ndim == 1 else weights.normal_(0, 0.1)
    folder = tmp_path_factory.mktemp("student")
    spec = models.ModelSpec("tiny_20k", 1, SIZE, 0.3, 0.2, ("a", "b", "c"), count_parameters(network))
    models.save(network, spec, folder)
    return folder


@pytest.fixture(scope="module")
def exported(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("exported") / "model.onnx"
    onnx.export(student, target)
    return target


def pixels(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).integers(0, 256, (count, 1, SIZE, SIZE)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_number_of_images_gives_the_networks_logits(student: Path, exported: Path, count: int) -> None:
    assert onnx.parity(student, exported, pixels(count)) < 1e-5


def test_normalisation_is_inside(student: Path, exported: Path) -> None:
    network, spec = models.load(student)
    images = pixels(2)

    with torch.inference_mode():
        expected = network((torch.from_numpy(images) / 255 - spec.mean) / spec.std).numpy()

    np.testing.assert_allclose(onnx.answers(exported, images), expected, atol=1e-5)


def test_parity_notices_other_weights(student: Path, exported: Path, tmp_path: Path) -> None:
    network, spec = models.load(student)
    with torch.no_grad():
        next(network.head.parameters()).mul_(1.5)
    models.save(network, spec, tmp_path)

    assert onnx.parity(tmp_path, exported, pixels(2)) > 1e-3


def test_the_file_is_whole_and_tells_nothing_of_the_machine(exported: Path) -> None:
    model = onnx_library.load(exported, load_external_data=False)

    assert [file.name for file in exported.parent.iterdir()] == ["model.onnx"]
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["images", "logits"]
    assert b".py" not in exported.read_bytes()
