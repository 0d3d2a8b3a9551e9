"""One set of tests for every registered backbone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from dfpt import backbone_names, models
from dfpt.errors import UsageError
from dfpt.models.backbone import Backbone, count_parameters, laid_out

# 100 classes, 3x32x32. The first block as published for the CRD models (https://github.com/HobbitLong/RepDistiller).
PARAMETERS = {
    "resnet8": 83_892,
    "resnet14": 181_108,
    "resnet20": 278_324,
    "resnet32": 472_756,
    "resnet44": 667_188,
    "resnet56": 861_620,
    "resnet110": 1_736_564,
    "resnet8x4": 1_233_540,
    "resnet32x4": 7_433_860,
    "resnet50": 23_705_252,
    "wrn_16_1": 180_916,
    "wrn_16_2": 703_284,
    "wrn_40_1": 569_780,
    "wrn_40_2": 2_255_156,
    "vgg8": 3_965_028,
    "vgg11": 9_277_284,
    "vgg13": 9_462_180,
    "vgg16": 14_774_436,
    "vgg19": 20_086_692,
    "mobilenet_v2": 812_836,
    "shufflenet_v1": 949_258,
    "shufflenet_v2": 1_355_528,
    # Of the same authors' code, not of their table.
    "resnet18": 11_220_132,
    "resnet34": 21_328_292,
    # Of the packaged checkpoints, less 900 classes of 1280 weights and a bias each.
    "efficientnet_lite0": 4_652_008 - 900 * 1281,
    "efficientnet_lite1": 5_416_680 - 900 * 1281,
    "efficientnet_lite2": 6_092_072 - 900 * 1281,
    # Ours: counted once, so that they stay what they are.
    "efficientnet_lite0_s3": 59_604,
    "efficientnet_lite0_s4": 262_084,
    "efficientnet_lite0_s5": 712_068,
    "tiny_20k": 22_924,
    "tiny_60k": 66_252,
    "tiny_160k": 165_068,
    "tiny_200k": 212_660,
    "tiny_500k": 512_884,
}
SIZE = 32


@pytest.fixture(params=models.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_number_of_parameters_is_the_known_one(name: str) -> None:
    with torch.device("meta"):
        assert count_parameters(models.create(name, 100)) == PARAMETERS[name]


def test_a_configuration_knows_the_same_names() -> None:
    assert sorted(backbone_names.NAMES) == models.names()
    for name, count in backbone_names.STAGES.items():
        with torch.device("meta"):
            assert len(models.create(name, 2).stages) == count


def test_a_tiny_student_of_eight_classes_has_about_the_parameters_of_its_name() -> None:
    for name in models.names():
        if name.startswith("tiny_"):
            thousands = int(name.removeprefix("tiny_").removesuffix("k"))
            assert count_parameters(models.create(name, 8, 1)) == pytest.approx(1000 * thousands, rel=0.03)


def test_a_training_step_reaches_every_parameter_and_what_is_saved_is_what_is_loaded(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = laid_out(models.create(name, 3, 1, SIZE).train())
    logits = model(torch.randn(2, 1, SIZE, SIZE))
    assert logits.shape == (2, 3)
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 2])).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []

    spec = models.ModelSpec(name, 1, SIZE, 0.4, 0.2, ("a", "b", "c"), count_parameters(model))
    models.save(model, spec, tmp_path)
    found, found_spec = models.load(tmp_path)
    assert found_spec == spec
    assert not found.training
    assert found.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(found.state_dict()[key], tensor) for key, tensor in model.state_dict().items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]
    assert json.loads((tmp_path / "model.json").read_text())["parameters"] == spec.parameters


def test_the_parts_make_the_whole(name: str) -> None:
    model = models.create(name, 3, 3, 16).eval()
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        x = model.stem(images)
        parts = [x := stage(x) for stage in model.stages]
        whole = model.head(x)
        assert torch.equal(model(images), whole)
        for count, features in enumerate(parts, 1):
            assert torch.equal(model.head(model.between(features, count, len(parts))), whole)


def test_what_comes_behind_a_stage_is_that_part_of_the_network(name: str) -> None:
    model = models.create(name, 3, 3, 16).eval()
    images = torch.randn(2, 3, 16, 16)
    assert model.behind(0) is model
    part = model.behind(1)
    assert part.widths == model.widths[1:]
    assert {id(p) for p in part.parameters()} <= {id(p) for p in model.parameters()}
    with torch.no_grad():
        assert torch.equal(part(model.to_stage(images, 1)), model(images))


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (2, 33), (3, 64), (1, 96)])
def test_each_stage_keeps_its_promise_of_channels_for_any_image_size(name: str, channels: int, size: int) -> None:
    with torch.device("meta"):  # shapes alone
        model = models.create(name, 5, channels, size)
        x = model.stem(torch.empty(2, channels, size, size))
        for stage, width in zip(model.stages, model.widths, strict=True):
            before, x = x, stage(x)
            assert x.shape[:2] == (2, width)
            assert all(1 <= after <= first for after, first in zip(x.shape[2:], before.shape[2:], strict=True))
        assert model.head(x).shape == (2, 5)


# A stage's resolution at 32 pixels decides which stages of two networks belong together.
@pytest.mark.parametrize(
    ("name", "size", "resolutions"),
    [
        ("resnet20", 32, [32, 16, 8]),
        ("wrn_40_2", 32, [32, 16, 8]),
        ("resnet50", 32, [32, 16, 8, 4]),
        ("resnet50", 224, [56, 28, 14, 7]),
        ("vgg13", 32, [16, 8, 4, 4]),
        ("vgg13", 64, [32, 16, 8, 4]),
        ("mobilenet_v2", 32, [16, 8, 4, 2]),
        ("shufflenet_v1", 32, [16, 8, 4]),
        ("shufflenet_v2", 32, [16, 8, 4]),
        ("efficientnet_lite2", 260, [130, 65, 33, 17, 17, 9, 9]),
        ("efficientnet_lite0_s4", 128, [64, 32, 16, 8]),
        ("tiny_500k", 32, [16, 8, 4]),
        ("tiny_500k", 96, [24, 12, 6]),
    ],
)
def test_the_stages_have_the_published_resolutions(name: str, size: int, resolutions: list[int]) -> None:
    with torch.device("meta"):
        model = models.create(name, 2, 3, size)
        images = torch.empty(1, 3, size, size)
        assert [model.to_stage(images, count + 1).shape[3] for count in range(len(model.stages))] == resolutions


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet9", 3), "Did you mean 'resnet"),
        (("inception", 3), "There are "),
        (("resnet8", 1), "resnet8 cannot be built for 1 classes"),
        (("resnet8", 3, 0), "0 channels"),
        (("vgg8", 3, 1, 7), "vgg8 cannot be built for 3 classes, 1 channels and 7 pixels"),
        (("resnet8", 3, 1, 0), "0 pixels"),
        (("resnet8", 3, 1, 8, True), "No weights are packaged for resnet8"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        models.create(*arguments)  # type: ignore[arg-type]
    assert message in str(refused.value)


def test_a_backbone_whose_widths_do_not_fit_its_stages_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="1 stages but 2 widths"):
        Backbone(torch.nn.Identity(), [torch.nn.Identity()], torch.nn.Identity(), (1, 2))
