from __future__ import annotations

import copy

import pytest
import torch

from dfpt import models
from dfpt.config import Distillation
from dfpt.distill.dual_task import DualTask
from dfpt.distill.losses import prompt_loss
from dfpt.distill.places import as_batch, at_places, common_grid
from dfpt.models.backbone import laid_out
from tests.unit.training import made_up


@pytest.mark.parametrize("grid", [None, (4, 4), (2, 2), (1, 1)])
def test_the_mean_over_the_places_is_what_the_head_says_of_the_image(grid: tuple[int, int] | None) -> None:
    model, features = made_up.teacher(), torch.randn(3, 64, 4, 4)
    found = at_places(model.head, features, grid)
    assert found.shape == (3, made_up.CLASSES, *(grid or (4, 4)))
    torch.testing.assert_close(found.mean((2, 3)), model.head(features))


def test_each_place_is_judged_alone() -> None:
    model, features = made_up.teacher(), torch.randn(2, 64, 3, 2)
    found = at_places(model.head, features)
    for row in range(3):
        for column in range(2):
            alone = model.head(features[:, :, row : row + 1, column : column + 1])
            torch.testing.assert_close(found[:, :, row, column], alone)
    assert not torch.allclose(found[:, :, 0, 0], found[:, :, 2, 1])


def test_batchnorm_keeps_the_statistics_of_whole_images() -> None:
    """A ShuffleNetV2's head has a BatchNorm of its own; averaged maps vary less than those that come later."""
    torch.manual_seed(0)
    head, features = models.create("shufflenet_v2", 3).head.train(), torch.randn(8, 464, 4, 4)
    before = {name: tensor.clone() for name, tensor in head.named_buffers()}
    at_places(head, features, (2, 2))
    found = dict(head.named_buffers())
    assert all(torch.equal(found[name], tensor) for name, tensor in before.items() if "running" in name)
    head(features)
    assert not torch.equal(found["1.running_var"], before["1.running_var"])


def test_a_neutral_path_says_the_same_as_the_original_at_places_that_are_larger_than_its_own() -> None:
    """The head of an EfficientNet is not linear: the mean of its answers is not its answer to the mean."""
    torch.manual_seed(0)
    original = laid_out(models.create("efficientnet_lite0_s3", made_up.CLASSES, 1, 32)).eval()
    paths = made_up.dual_teacher(original)
    task = DualTask(
        "neutral", made_up.network(), paths, Distillation(at_places=1.0), made_up.PROMPT, False, made_up.LABEL_LOSS
    )
    images = torch.randn(2, 1, 32, 32)
    shared = paths.shared(images)
    places_o = at_places(original.head, paths.original_features(shared))
    assert places_o.shape[2:] != task.student.features(images[:, :, :8, :8]).shape[2:]
    z_o = original(images)
    said = {"by the path": 1.0, "by the original": 0.0}
    for name, from_prompt in said.items():
        task.distillation = Distillation(at_places=1.0, label=0, from_prompt=from_prompt, from_original=1 - from_prompt)
        found = task.losses(torch.tensor([0, 1]), images[:, :, :8, :8], shared, z_o, places_o, progress=0.0)
        said[name] = found["loss"].item()
    assert said["by the path"] == pytest.approx(said["by the original"], rel=1e-5)


def test_as_a_batch_every_place_is_a_row() -> None:
    logits = torch.arange(2 * 3 * 2 * 2.0).view(2, 3, 2, 2)
    assert as_batch(logits).tolist()[:2] == [[0, 4, 8], [1, 5, 9]]
    assert as_batch(logits).shape == (8, 3)


def test_the_common_grid_repeats_no_place() -> None:
    assert common_grid(torch.zeros(1, 5, 4, 6), torch.zeros(1, 7, 8, 2)) == (4, 2)


def test_a_student_whose_map_is_another_ones_learns_at_the_places_they_share() -> None:
    """The teacher's map is 2 x 2, the student's 1 x 1; the mean of both is the whole image's knowledge."""
    paths = made_up.dual_teacher(made_up.teacher())
    task = made_up.dual_task(paths, Distillation(label=0, at_places=2.0))
    task.trained.eval()
    index = torch.arange(6)
    inputs = made_up.split(6, paths, places=True).inputs(index, torch.zeros_like(index))
    assert inputs[3].shape == (6, made_up.CLASSES, 2, 2)
    assert task.student.features(inputs[0]).shape[2:] == (1, 1)
    labels = torch.arange(6) % made_up.CLASSES
    without, found = task.losses(labels, *inputs[:3], progress=0.0), task.losses(labels, *inputs, progress=0.0)
    torch.testing.assert_close(found["loss"], 3 * without["loss"])
    z_p, z_s = paths.prompted(inputs[1]), task.student(inputs[0])
    knowledge = prompt_loss(inputs[2], z_p, z_s, torch.zeros(()), labels, made_up.PROMPT)
    assert knowledge > 1e-3
    torch.testing.assert_close(found["prompt_loss"], without["prompt_loss"] + 2 * knowledge)


def test_places_that_agree_already_add_nothing() -> None:
    paths = made_up.dual_teacher(made_up.teacher())
    task = made_up.dual_task(paths, Distillation(label=0, at_places=1.0))
    task.student = paths.teacher
    task.trained.eval()
    index = torch.arange(6)
    images, shared, z_o, places_o = made_up.split(6, paths, places=True).inputs(index, torch.zeros_like(index))
    loss = task.losses(index % made_up.CLASSES, images, shared, z_o, places_o, progress=0.0)["loss"]
    assert loss.item() == pytest.approx(0, abs=1e-5)
    moved = task.losses(index % made_up.CLASSES, images, shared, z_o, places_o.flip(3), progress=0.0)["loss"]
    assert moved > loss + 1e-3


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet_v2", "shufflenet_v2", "resnet8"])
def test_the_layers_before_the_pooling_see_maps_and_say_what_they_say_of_places(name: str) -> None:
    """Against the definition: every place is an image of its own, from the first layer of the head on."""
    torch.manual_seed(0)
    head = models.create(name, 3, 1, 64).train().head
    other = copy.deepcopy(head)
    for part in (head, other):
        part.apply(lambda layer: setattr(layer, "p", 0.0) if isinstance(layer, torch.nn.Dropout) else None)
    width = next(p.shape[1] for p in head.parameters() if p.dim() > 1)
    features = torch.randn(4, width, 2, 3, requires_grad=True)
    alone = features.detach().permute(0, 2, 3, 1).reshape(24, width, 1, 1).requires_grad_()
    found, expected = at_places(head, features), other(alone)
    torch.testing.assert_close(as_batch(found), expected)
    found.square().sum().backward()
    expected.square().sum().backward()
    assert features.grad is not None
    assert alone.grad is not None
    torch.testing.assert_close(as_batch(features.grad), alone.grad.flatten(1), atol=1e-5, rtol=1e-4)
    for ours, theirs in zip(head.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-4, rtol=1e-4)
