from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import torch

from dfpt import models
from dfpt.errors import StepFailed, UsageError
from dfpt.models.efficientnet_lite import SameConv2d
from dfpt.models.packaged import PACKAGES, packaged_names

# Of the features and of the pooled ones: sum and standard deviation of each. With these weights, the networks computed
# what the package efficientnet-lite-pytorch computes, bit for bit.
FINGERPRINTS = {
    "efficientnet_lite0": [5.543332, 1.853144, 35.44292, 0.2442634],
    "efficientnet_lite1": [-16.66822, 1.925755, 67.43123, 0.3249989],
    "efficientnet_lite2": [-33.56874, 1.466227, 1.840974, 0.03001614],
}
BLOCKS = {"efficientnet_lite0": 16, "efficientnet_lite1": 21, "efficientnet_lite2": 21}


def weights(name: str) -> Path:
    spec = importlib.util.find_spec(PACKAGES[name].module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / PACKAGES[name].file


def picture(channels: int, size: int = 32) -> torch.Tensor:
    """A fixed picture (1, channels, S, S), the same in all channels."""
    ramp = torch.arange(size * size, dtype=torch.float32).reshape(1, 1, size, size)
    return (ramp * 0.37).sin().expand(1, channels, size, size)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_tensor_of_the_published_network_but_its_classifier_has_one_place(name: str) -> None:
    layers = {"_conv_stem": "_bn0", "_conv_head": "_bn1"}
    for block in range(BLOCKS[name]):
        parts = [("depthwise", 1), ("project", 2)] + ([("expand", 0)] if block else [])
        layers |= {f"_blocks.{block}._{part}_conv": f"_blocks.{block}._bn{norm}" for part, norm in parts}
    fields = ("weight", "bias", "running_mean", "running_var")
    wanted = {f"{conv}.weight" for conv in layers} | {f"{norm}.{f}" for norm in layers.values() for f in fields}
    names = packaged_names(name)
    assert set(names.values()) == wanted
    assert len(names) == len(wanted)
    with torch.device("meta"):
        own = models.create(name, 2).state_dict()
    assert names.keys() == {key for key in own if not key.startswith("head.6.") and "num_batches" not in key}


@pytest.mark.parametrize("name", BLOCKS)
def test_the_package_holds_what_the_map_expects(name: str) -> None:
    packaged = torch.load(weights(name), map_location="cpu", weights_only=True)
    found = {key for key in packaged if not key.startswith("_fc") and "num_batches" not in key}
    assert set(packaged_names(name).values()) == found


@pytest.mark.parametrize("name", BLOCKS)
def test_the_pretrained_network_computes_what_the_published_one_does(name: str) -> None:
    weights(name)
    network = models.create(name, 4, 3, 32, pretrained=True).eval()
    with torch.no_grad():
        features = network.to_stage(picture(3), 7)
        pooled = network.head[:5](features)  # type: ignore[index]
    assert features.shape == (1, network.widths[-1], 1, 1)
    assert pooled.shape == (1, 1280)
    fingerprint = [features.sum().item(), features.std().item(), pooled.sum().item(), pooled.std().item()]
    assert fingerprint == pytest.approx(FINGERPRINTS[name], rel=1e-3)


@pytest.mark.parametrize("count", [3, 4, 5])
def test_the_first_stages_alone_begin_as_those_of_the_whole(count: int) -> None:
    whole = models.create("efficientnet_lite0", 4, 1, 32, pretrained=True).eval()
    part = models.create(f"efficientnet_lite0_s{count}", 4, 1, 32, pretrained=True).eval()
    with torch.no_grad():
        assert torch.equal(part.features(picture(1)), whole.to_stage(picture(1), count))


def test_a_grey_stem_sees_what_a_colour_stem_sees_in_a_repeated_picture() -> None:
    colour = models.create("efficientnet_lite0", 4, 3, 32, pretrained=True).eval()
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


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("efficientnet_lite0", "pip install 'dfpt[demo]'"),
        ("efficientnet_lite1", "pip install 'dfpt[backbones]'"),
        ("efficientnet_lite2", "pip install 'dfpt[backbones]'"),
    ],
)
def test_without_the_package_the_person_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, name: str, remedy: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as refused:
        models.create(name, 4, pretrained=True)
    assert f"The ImageNet weights of {name} are not installed" in str(refused.value)
    assert remedy in str(refused.value)


def test_packaged_weights_for_other_channels_are_refused() -> None:
    with pytest.raises(UsageError, match="read 1 or 3 channels, not 2"):
        models.create("efficientnet_lite0", 4, 2, pretrained=True)


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\x80\x02K\x05."], ids=["empty", "text", "a pickled 5"])
def test_a_damaged_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes) -> None:
    package = PACKAGES["efficientnet_lite0"]
    (tmp_path / "models").mkdir()
    (tmp_path / package.file).write_bytes(content)
    spec = ModuleSpec(package.module, None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(StepFailed, match="Cannot read the packaged weights"):
        models.create("efficientnet_lite0", 4, pretrained=True)
