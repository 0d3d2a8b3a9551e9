from __future__ import annotations

import argparse
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dfpt import models
from dfpt.errors import UsageError
from dfpt.models import crd
from dfpt.models.backbone import count_parameters
from tests.unit.models.crd_originals import CLASSES, ORIGINALS

# One or two of each family: the others differ in the number of blocks alone.
FAMILIES = (
    *("resnet20", "resnet8x4", "resnet18", "resnet50", "wrn_16_1", "wrn_16_2", "vgg8", "vgg13"),
    *("mobilenet_v2", "shufflenet_v1", "shufflenet_v2"),
)


def trained(name: str) -> nn.Module:
    """An original whose BatchNorms differ from each other, as after training: swapped ones would show."""
    torch.manual_seed(0)
    original = ORIGINALS[name]().eval()
    for module in original.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            for tensor in (module.weight, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (module.bias, module.running_mean):
                nn.init.normal_(tensor, 0, 0.1)
    return original


@pytest.mark.parametrize("name", FAMILIES)
def test_a_loaded_network_computes_what_the_original_computes(name: str, tmp_path: Path) -> None:
    original = trained(name)
    torch.save({"epoch": 240, "model": original.state_dict()}, tmp_path / "ckpt_epoch_240.pth")
    found = crd.load_crd(tmp_path / "ckpt_epoch_240.pth", name, CLASSES)
    assert not found.training
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(found(images), original(images), rtol=1e-4, atol=1e-5)


def test_a_network_for_larger_images_is_saved_as_the_one_that_was_loaded(tmp_path: Path) -> None:
    """A VGG has one more pooling from 64 pixels on, which its tensors do not show; a ResNet-50 has another stem."""
    for name in ("vgg8", "resnet50"):
        torch.save({"model": trained(name).state_dict()}, tmp_path / f"{name}.pth")
    found = crd.load_crd(tmp_path / "vgg8.pth", "vgg8", CLASSES, 64)
    spec = models.ModelSpec("vgg8", 3, 64, 0.5, 0.25, tuple(map(str, range(CLASSES))), 0)
    models.save(found, replace(spec, parameters=count_parameters(found)), tmp_path / "saved")
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(models.load(tmp_path / "saved")[0].eval()(images), found(images))
    with pytest.raises(UsageError, match=r"resnet50 for 100 classes and 128 pixels: stem\.0\.weight"):
        crd.load_crd(tmp_path / "resnet50.pth", "resnet50", CLASSES, 128)


@pytest.mark.parametrize("name", crd.NAMES)
def test_every_tensor_of_theirs_has_one_place_of_its_shape_in_ours(name: str) -> None:
    with torch.device("meta"):
        own = {key: tensor.shape for key, tensor in models.create(name, CLASSES).state_dict().items()}
        theirs = {key: tensor.shape for key, tensor in ORIGINALS[name]().state_dict().items()}
    assert {crd.own_name(name, key): shape for key, shape in theirs.items()} == own
    assert len(theirs) == len(own)


def test_every_original_is_one_that_can_be_loaded() -> None:
    assert set(crd.NAMES) == set(ORIGINALS)


def state(name: str = "resnet8") -> dict[str, Any]:
    return trained(name).state_dict()


def refused(path: Path, name: str = "resnet8", num_classes: int = CLASSES) -> str:
    with pytest.raises(UsageError) as error:
        crd.load_crd(path, name, num_classes)
    assert "\n" not in error.value.message  # one sentence
    return str(error.value)


def test_a_state_dict_alone_is_loaded_too_and_so_is_one_that_does_not_count_batches(tmp_path: Path) -> None:
    path = tmp_path / "resnet8.pth"
    torch.save({key: value for key, value in state().items() if "num_batches" not in key}, path)
    found = crd.load_crd(path, "resnet8", CLASSES)
    assert torch.equal(found.state_dict()["stem.0.weight"], state()["conv1.weight"])


@pytest.mark.parametrize(
    ("name", "num_classes", "message"),
    [
        ("resnet14", 100, "does not hold a resnet14 for 100 classes and 32 pixels: it lacks stages."),
        ("resnet8x4", 100, "stem.0.weight is (16, 3, 3, 3) there and (32, 3, 3, 3) here"),
        (
            "resnet8",
            10,
            "does not hold a resnet8 for 10 classes and 32 pixels: head.3.weight is (100, 64) there and (10, 64) here",
        ),
        ("wrn_16_1", 100, "does not hold a wrn_16_1 for 100 classes and 32 pixels: it has a tensor"),
        ("resnet18", 100, "it has a tensor"),
        ("vgg8", 100, "it has a tensor"),
        ("mobilenet_v2", 100, "it has a tensor"),
        ("shufflenet_v1", 100, "it has a tensor"),
        ("shufflenet_v2", 100, "it has a tensor"),
        ("tiny_20k", 100, "CRD has no checkpoints of 'tiny_20k'"),
        ("resnet9", 100, "CRD has no checkpoints of 'resnet9'"),
    ],
)
def test_a_checkpoint_of_another_architecture_is_refused(
    tmp_path: Path, name: str, num_classes: int, message: str
) -> None:
    torch.save({"model": state()}, tmp_path / "resnet8.pth")
    assert message in refused(tmp_path / "resnet8.pth", name, num_classes)


def test_a_tensor_too_many_or_too_few_is_named(tmp_path: Path) -> None:
    path, tensors = tmp_path / "resnet8.pth", state()
    torch.save(tensors | {"extra.weight": torch.ones(1)}, path)
    assert "it has a tensor extra.weight too many" in refused(path)
    tensors.pop("layer2.0.bn1.bias")
    torch.save(tensors, path)
    assert "it lacks stages.1.0.norm1.bias" in refused(path)


@pytest.mark.parametrize("kept", [0, 4, 1000, -1, -100])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "resnet8.pth"
    torch.save({"model": state()}, path)
    path.write_bytes(path.read_bytes()[:kept])
    assert "checkpoint, or" in refused(path)


class Payload:
    """Unpickling it writes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("place", ["in the state dict", "beside it", "alone"])
def test_a_pickle_with_code_in_it_is_refused_and_not_executed(tmp_path: Path, place: str, legacy: bool) -> None:
    mark, path = tmp_path / "executed", tmp_path / "resnet8.pth"
    content: Any = {
        "in the state dict": {"model": state() | {"fc.bias": Payload(mark)}},
        "beside it": {"model": state(), "opt": Payload(mark)},
        "alone": Payload(mark),
    }[place]
    if legacy:
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path)
    assert "it was refused, not executed" in refused(path)
    assert not mark.exists()


def test_their_file_of_the_last_epoch_which_holds_the_options_too_is_refused_with_the_way_out(tmp_path: Path) -> None:
    torch.save({"opt": argparse.Namespace(model="resnet8"), "model": state()}, tmp_path / "resnet8_last.pth")
    assert "torch.save({'model': model.state_dict()}, path)" in refused(tmp_path / "resnet8_last.pth")


@pytest.mark.parametrize("content", [5, [torch.ones(1)], {"model": 5}, {"epoch": 240}, {"model": {"fc.bias": 5}}])
def test_a_file_without_a_state_dict_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "other.pth")
    assert "holds no state dict" in refused(tmp_path / "other.pth")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refused(tmp_path / "none.pth")
    assert "cannot be read" in refused(tmp_path)
