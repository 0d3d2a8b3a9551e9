"""One set of tests for every registered backbone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from dfpt import models
from dfpt.errors import UsageError
from dfpt.models.backbone import Backbone, count_parameters

# Of the public CRD models (https://github.com/HobbitLong/RepDistiller) where these are ResNets; 100 classes, colour.
PARAMETERS = {
    "efficientnet_lite0": 3_499_108,
    "resnet8": 83_892,
    "resnet14": 181_108,
    "resnet20": 278_324,
    "resnet32": 472_756,
    "resnet56": 861_620,
    "tiny_20k": 22_924,
    "tiny_60k": 66_252,
    "tiny_160k": 165_068,
}
SIZE = 16


@pytest.fixture(params=models.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_number_of_parameters_is_the_known_one(name: str) -> None:
    assert count_parameters(models.create(name, 100)) == PARAMETERS[name]


def test_a_training_step_reaches_every_parameter(name: str) -> None:
    torch.manual_seed(0)
    model = models.create(name, 3, 1, SIZE).train()
    logits = model(torch.randn(4, 1, SIZE, SIZE))
    assert logits.shape == (4, 3)
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])).backward()
    assert [n for n, parameter in model.named_parameters() if parameter.grad is None] == []


def test_each_stage_gives_the_channels_that_it_promises_and_the_parts_make_the_whole(name: str) -> None:
    model = models.create(name, 3, 3, SIZE).eval()
    images = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        whole = model(images)
        for count in range(1, len(model.stages) + 1):
            features = model.to_stage(images, count)
            assert features.shape[1] == model.widths[count - 1]
            assert torch.equal(model.from_stage(features, count), whole)
        assert torch.equal(model.from_stage(model.stem(images), 0), whole)


@pytest.mark.parametrize("size", [8, 33, 96])
def test_it_takes_any_image_size(name: str, size: int) -> None:
    model = models.create(name, 2, 1, size).eval()
    with torch.no_grad():
        assert model(torch.randn(1, 1, size, size)).isfinite().all()


def test_what_is_saved_is_what_is_loaded(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = models.create(name, 3, 1, SIZE).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.no_grad():
        model.train()(torch.randn(4, 1, SIZE, SIZE))  # BatchNorm's statistics belong to it
    spec = models.ModelSpec(name, 1, SIZE, 0.4, 0.2, ("a", "b", "c"), count_parameters(model))
    models.save(model, spec, tmp_path)
    found, found_spec = models.load(tmp_path)
    assert found_spec == spec
    assert not found.training
    assert found.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(found.state_dict()[key], tensor) for key, tensor in model.state_dict().items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]
    assert json.loads((tmp_path / "model.json").read_text())["parameters"] == spec.parameters


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet9", 3), "Did you mean resnet"),
        (("vgg", 3), "One of"),
        (("resnet8", 1), "cannot be built for 1 classes"),
        (("resnet8", 3, 2), "2 channels"),
        (("resnet8", 3, 1, 7), "7 pixels"),
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
