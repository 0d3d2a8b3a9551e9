from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from dfpt import models
from dfpt.errors import UsageError
from dfpt.models.backbone import count_parameters


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = models.create("tiny_20k", 3, 1, 8)
    models.save(model, models.ModelSpec("tiny_20k", 1, 8, 0.5, 0.2, ("a", "b", "c"), count_parameters(model)), tmp_path)
    return tmp_path


def change(folder: Path, **values: Any) -> None:
    spec = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(spec | values))


def refused(folder: Path) -> str:
    with pytest.raises(UsageError) as error:
        models.load(folder)
    return str(error.value)


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_truncated_weights_are_refused(folder: Path, kept: int) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    assert "holds no usable model" in refused(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_missing_or_foreign_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "holds no usable model" in refused(folder)
    (folder / name).unlink()
    assert "holds no usable model" in refused(folder)


class Payload:
    """Unpickling it writes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("writer", [pickle.dumps, "torch"])
def test_a_pickle_in_place_of_the_weights_is_refused_and_not_executed(folder: Path, writer: Any) -> None:
    mark, weights = folder / "executed", folder / "model.safetensors"
    if writer == "torch":
        torch.save({"head": Payload(mark)}, weights)
    else:
        weights.write_bytes(writer(Payload(mark)))
    assert "holds no usable model" in refused(folder)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "resnet8"}, "holds no usable model"),  # weights of another architecture
        ({"classes": ["a", "b"]}, "holds no usable model"),
        ({"name": "resnet9"}, "Unknown model"),
        ({"parameters": 5}, "promises 5 parameters"),
        ({"image_size": "large"}, "holds no usable model"),
        ({"secret": 1}, "holds no usable model"),
        ({"classes": None}, "holds no usable model"),
    ],
)
def test_a_description_that_does_not_fit_the_weights_is_refused(
    folder: Path, values: dict[str, Any], message: str
) -> None:
    change(folder, **values)
    assert message in refused(folder)


@pytest.mark.parametrize("text", ["[]", "5", "null", '"resnet8"', "{}"])
def test_a_description_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "model.json").write_text(text)
    assert "holds no usable model" in refused(folder)


def test_weights_with_a_tensor_too_many_or_too_few_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file(tensors | {"teacher.head": torch.ones(1)}, path)
    assert "teacher.head" in refused(folder)
    tensors.pop("stem.0.weight")
    save_file(tensors, path)
    assert "stem.0.weight" in refused(folder)
