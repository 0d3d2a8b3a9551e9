"""timm's and torchvision's networks as stem, stages and head. ``make test-timm`` runs these."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dfpt import models
from dfpt.distill.dual_forward import DualForwardTeacher, PathSpec, PromptPath
from dfpt.errors import StepFailed, UsageError
from dfpt.models import torchvision_models
from dfpt.models.backbone import count_parameters, laid_out

try:
    import timm
    import torchvision

    WHY = ""
except Exception as error:  # torchvision beside another torch raises RuntimeError
    WHY = f"make test-timm has them: {error}"

both = pytest.mark.skipif(bool(WHY), reason=WHY)
NAMES = [
    "timm:resnet10t",
    "timm:efficientnet_lite0",
    "timm:mobilenetv3_small_050",
    "timm:convnext_atto",
    "timm:regnetx_002",
    "timm:vgg11_bn",
    "timm:hgnetv2_b0",
    "torchvision:resnet18",
    "torchvision:mobilenet_v3_small",
    "torchvision:efficientnet_b0",
    "torchvision:vgg11_bn",
    "torchvision:shufflenet_v2_x0_5",
    "torchvision:regnet_y_400mf",
]


@both
@pytest.mark.parametrize("name", NAMES)
def test_a_foreign_network_keeps_the_stage_contract(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = laid_out(models.create(name, 3, 1, 64))
    images = torch.randn(2, 1, 64, 64)
    logits = model(images)
    assert logits.shape == (2, 3)
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 2])).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    model.eval()
    with torch.no_grad():
        x = model.stem(images)
        sizes = [x.shape[3]]
        for stage, width in zip(model.stages, model.widths, strict=True):
            kept = x.clone()
            following = stage(x)
            assert torch.equal(x, kept)  # nothing is changed in place
            x = following
            assert x.shape[1] == width
            sizes.append(x.shape[3])
        assert len(model.stages) >= 2
        assert sizes == sorted(sizes, reverse=True)
        assert torch.equal(model.head(x), model(images))
    spec = models.ModelSpec(name, 1, 64, 0.4, 0.2, ("a", "b", "c"), count_parameters(model))
    models.save(model, spec, tmp_path)
    found, _ = models.load(tmp_path)
    torch.testing.assert_close(found(images), model(images))  # in another memory format


@both
@pytest.mark.parametrize("name", ["timm:resnet10t", "torchvision:mobilenet_v3_small"])
@pytest.mark.parametrize("own_stages", [False, True])
def test_it_can_be_a_teacher_of_two_paths(name: str, own_stages: bool) -> None:
    torch.manual_seed(0)
    teacher = models.create(name, 3, 3, 64).eval()
    spec = PathSpec(stages=(0, len(teacher.stages) - 1), kernels=(3, 5), own_stages=own_stages)
    paths = DualForwardTeacher(teacher, PromptPath(teacher, spec)).eval()
    z_o, z_p = paths(torch.randn(2, 3, 64, 64))
    assert torch.equal(z_o, z_p)
    z_p.sum().backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())


@both
def test_the_features_are_those_of_the_library() -> None:
    torch.manual_seed(0)
    ours = models.create("torchvision:resnet18", 3, 3, 64).eval()
    theirs = torchvision.models.resnet18().eval()
    state = iter([*ours.stem.state_dict().values(), *ours.stages.state_dict().values()])
    own = {name: next(state) for name in theirs.state_dict() if not name.startswith("fc.")}
    theirs.load_state_dict(own, strict=False)
    theirs.fc = torch.nn.Identity()
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(ours.features(images).mean((2, 3)), theirs(images))
    reference = timm.create_model("resnet10t", features_only=True)
    assert models.create("timm:resnet10t", 3).widths[-1] == reference.feature_info.channels()[-1]


@both
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("timm:resnet10t", (0.449, 0.226)),
        ("timm:tf_efficientnet_lite0", (0.5, 0.5)),
        ("torchvision:resnet18", (0.449, 0.226)),
    ],
)
def test_weights_of_a_library_read_pixels_as_they_were_trained_on(name: str, expected: tuple[float, float]) -> None:
    assert models.normalisation(name) == pytest.approx(expected, abs=5e-4)


@both
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("timm:vit_tiny_patch16_224", "timm:vit_tiny_patch16_224 is no chain"),
        ("torchvision:swin_t", "torchvision:swin_t is no chain"),
        ("torchvision:densenet121", "torchvision:densenet121 is no chain"),
        ("timm:resnet10x", "timm knows no model 'resnet10x'"),
        ("torchvision:resnet17", "Did you mean resnet1"),
    ],
)
def test_what_cannot_be_divided_is_refused_by_name(name: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        models.create(name, 3)
    assert words in str(refused.value)


@both
def test_weights_that_cannot_be_had_are_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", no_network)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", no_network)
    with pytest.raises(StepFailed, match="weights of torchvision:resnet18 cannot be had: no route to host"):
        models.create("torchvision:resnet18", 3, pretrained=True)


@pytest.mark.skipif(not WHY, reason="both libraries are installed here")
@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_without_the_library_its_extra_is_named(library: str) -> None:
    with pytest.raises(UsageError) as refused:
        models.create(f"{library}:resnet18", 3)
    assert f"pip install 'dfpt[{library}]'" in str(refused.value)


def test_a_grey_image_is_to_a_replaced_first_layer_what_it_is_repeated_to_the_old_one() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, 2, 1)), torch.nn.Conv2d(4, 3, 1))
    images = torch.randn(2, 1, 8, 8)
    expected = network(images.repeat(1, 3, 1, 1))
    torchvision_models._replace_first(network, 1)
    torch.testing.assert_close(network(images), expected)


def test_another_prefix_is_an_unknown_model() -> None:
    with pytest.raises(UsageError, match="Unknown model 'hub:resnet18'"):
        models.create("hub:resnet18", 3)
