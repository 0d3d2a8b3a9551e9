"""What the algorithm promises, whatever its settings: guarantees 1 to 4 (5: test_training_steps, 6 and 7: training)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfpt.config import Distillation, Prompt
from dfpt.distill.losses import prompt_loss, student_loss
from dfpt.models import Backbone
from dfpt.training.loop import fit
from dfpt.training.views import NoisyViews, PixelViews
from tests.unit.training import made_up

ONE_EPOCH = made_up.RECIPE.model_copy(update={"epochs": 1})


@dataclass
class Watched:
    """Images, and which of them were asked for."""

    images_NCHW: Tensor
    asked: list[Tensor] = field(default_factory=list)

    def __call__(self, index_B: Tensor, views_B: Tensor) -> Tensor:
        self.asked.append(index_B)
        return PixelViews(self.images_NCHW)(index_B, views_B)


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


# 1. Its limits are the plain methods.


@pytest.mark.parametrize("adapt", [True, False], ids=["joint", "frozen"])
def test_without_the_prompt_paths_weight_it_is_vanilla_distillation_number_for_number(
    tmp_path: Path, adapt: bool
) -> None:
    original = made_up.teacher()
    paths = made_up.dual_teacher(original)
    train = made_up.split(96, paths)
    assert isinstance(train.sources[0], PixelViews)
    watched, teacher_logits = Watched(train.sources[0].images_NCHW), train.sources[2]
    config = Distillation(label=0.1, from_original=0.9, from_prompt=0, temperature=3)
    task = made_up.dual_task(paths, config, adapt)
    val = made_up.split(12, paths, seed=1)
    fit(task, replace(train, sources=(watched, *train.sources[1:])), val, ONE_EPOCH, 1, 0, made_up.context(tmp_path))

    student = made_up.network().train()
    optimiser = torch.optim.AdamW(student.parameters(), lr=0.01, weight_decay=ONE_EPOCH.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.01, total_steps=13, pct_start=0.1)
    batches = [index for index in watched.asked if len(index) == 8]
    assert len(batches) == 12
    for index in batches:
        images = watched.images_NCHW[index]
        z_s, z_o = student(images), teacher_logits(index, torch.zeros_like(index))
        torch.testing.assert_close(z_o, original(images))
        soft = F.kl_div((z_s / 3).log_softmax(1), (z_o / 3).log_softmax(1), reduction="batchmean", log_target=True)
        loss = 0.1 * F.cross_entropy(z_s, train.labels[index], label_smoothing=0.1) + 0.9 * (soft * 3**2)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    assert_same(task.student.state_dict(), student.state_dict())


@pytest.mark.parametrize("adapt", [True, False], ids=["joint", "frozen"])
def test_without_both_paths_weights_it_is_plain_training_number_for_number(tmp_path: Path, adapt: bool) -> None:
    original = made_up.teacher()
    original.head[2].p = 0.5  # type: ignore[index]  # randomness that plain training lacks
    paths = made_up.dual_teacher(original)
    train, val = made_up.split(48, paths, views=8), made_up.split(12, paths, seed=1, views=8)
    task = made_up.dual_task(paths, Distillation(from_original=0, from_prompt=0), adapt)
    with_teacher = fit(task, train, val, made_up.RECIPE, 8, 0, made_up.context(tmp_path / "with"))

    plain = made_up.plain_task(made_up.network())
    train, val = (replace(part, sources=part.sources[:1]) for part in (train, val))
    without = fit(plain, train, val, made_up.RECIPE, 8, 0, made_up.context(tmp_path / "without"))
    assert_same(task.student.state_dict(), plain.model.state_dict())
    assert [row["train_loss"] for row in with_teacher.history] == [row["train_loss"] for row in without.history]


def with_dropout(network: Backbone) -> Backbone:
    assert isinstance(network.head, nn.Sequential)
    network.head.insert(len(network.head) - 1, nn.Dropout(0.5))
    return network


@pytest.mark.parametrize("adapt", [True, False], ids=["joint", "frozen"])
def test_what_the_prompt_path_draws_shifts_neither_the_students_dropout_nor_its_noise(
    tmp_path: Path, adapt: bool
) -> None:
    """So the limits hold for students with dropout too, on images with noise, as the shipped default has both."""
    paths = made_up.dual_teacher(with_dropout(made_up.teacher()).eval())
    train, val = made_up.split(48, paths), made_up.split(12, paths, seed=1)
    train = replace(train, sources=(NoisyViews(train.sources[0], 0.5), *train.sources[1:]))
    task = made_up.dual_task(paths, Distillation(from_original=0, from_prompt=0), adapt)
    with_dropout(task.student)
    fit(task, train, val, made_up.RECIPE, 1, 0, made_up.context(tmp_path / "with"))

    plain = made_up.plain_task(with_dropout(made_up.network()))
    train, val = (replace(part, sources=part.sources[:1]) for part in (train, val))
    fit(plain, train, val, made_up.RECIPE, 1, 0, made_up.context(tmp_path / "without"))
    assert_same(task.student.state_dict(), plain.model.state_dict())


# 2. The prompt path starts as the original one.


@pytest.mark.parametrize("method", ["dfpt-kd", "dfpt-kd+"])
@pytest.mark.parametrize(
    ("name", "size", "stages"),
    [
        ("resnet8", 8, (0,)),
        ("resnet8", 8, (0, 2)),
        ("resnet8", 16, (0, 1, 2)),
        ("resnet8", 8, (2,)),
        ("efficientnet_lite0", 32, (5, 6)),
        ("efficientnet_lite0", 32, (0, 3)),
    ],
)
def test_before_any_training_both_paths_say_exactly_the_same(
    name: str, size: int, stages: tuple[int, ...], method: str
) -> None:
    original = made_up.teacher(name, size)
    paths = made_up.dual_teacher(original, method, stages).eval()
    images = torch.randn(3, 1, size, size)
    z_o, z_p = paths(images)
    assert torch.equal(z_o, original(images))
    assert torch.equal(z_p, z_o)
    assert z_o.std() > 0


# 3. The gradient walls, whatever the divergence.

DIVERGENCES = ["kl", "dkd", "dist", "ls"]
LABELS = torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_the_students_loss_reaches_the_students_logits_alone(divergence: str) -> None:
    config = Distillation.model_validate({"divergence": divergence})
    z_o, z_p, z_s = (torch.randn(4, 3, requires_grad=True) for _ in range(3))
    student_loss(z_o, z_p, z_s, F.cross_entropy(z_s, LABELS), LABELS, config).backward()
    assert z_o.grad is None
    assert z_p.grad is None
    assert z_s.grad is not None
    assert z_s.grad.abs().min() > 0


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_the_prompt_paths_loss_reaches_the_prompt_paths_logits_alone(divergence: str) -> None:
    config = Prompt.model_validate({"divergence": divergence})
    z_o, z_p, z_s = (torch.randn(4, 3, requires_grad=True) for _ in range(3))
    prompt_loss(z_o, z_p, z_s, F.cross_entropy(z_p, LABELS), LABELS, config).backward()
    assert z_o.grad is None
    assert z_s.grad is None
    assert z_p.grad is not None
    assert z_p.grad.abs().min() > 0


@pytest.mark.parametrize("places", [False, True], ids=["whole images", "at places too"])
@pytest.mark.parametrize("method", ["dfpt-kd", "dfpt-kd+"])
def test_each_loss_of_a_step_moves_its_own_network_alone_and_none_the_teacher(method: str, places: bool) -> None:
    paths = made_up.dual_teacher(made_up.teacher(), method)
    task = made_up.dual_task(paths, Distillation(at_places=1.0))
    task.trained.train()
    inputs = made_up.split(8, paths, places=places).inputs(torch.arange(8), torch.zeros(8, dtype=torch.int64))
    labels = torch.arange(8) % made_up.CLASSES
    networks = {"student": task.student, "path": paths.path, "teacher": paths.teacher}
    for loss, own in (("loss", "student"), ("prompt_loss", "path")):
        task.trained.zero_grad()
        task.losses(labels, *inputs, progress=0.0)[loss].backward()
        moved = {
            name
            for name, module in networks.items()
            if any(parameter.grad is not None and parameter.grad.any() for parameter in module.parameters())
        }
        assert moved == {own}
    assert not any(parameter.requires_grad for parameter in paths.teacher.parameters())
    images, shared = (x.requires_grad_() for x in inputs[:2])
    assert not paths.shared(images).requires_grad
    assert not paths.original(shared).requires_grad
    assert paths.prompted(shared).requires_grad


# 4. The original path is the teacher for ever.


@pytest.mark.parametrize("method", ["dfpt-kd", "dfpt-kd+"])
def test_after_training_the_original_path_is_bit_for_bit_the_teacher(tmp_path: Path, method: str) -> None:
    original = made_up.teacher()
    before, images = copy.deepcopy(original), made_up.pictures(6, seed=9)[0]
    paths = made_up.dual_teacher(original, method)
    phi = copy.deepcopy(paths.path.state_dict())
    train, val = made_up.split(32, paths), made_up.split(12, paths, seed=1)
    fit(made_up.dual_task(paths), train, val, made_up.RECIPE, 1, 0, made_up.context(tmp_path))
    paths.train()
    assert torch.equal(paths.original(paths.shared(images)), before(images))
    assert_same(paths.teacher.state_dict(), before.state_dict())
    learned = {name for name, tensor in paths.path.state_dict().items() if not torch.equal(tensor, phi[name])}
    assert learned == phi.keys()  # all of the prompt path has moved, for dfpt-kd+ its own stages too
    assert any(name.startswith("stages.") for name in phi) == (method == "dfpt-kd+")
