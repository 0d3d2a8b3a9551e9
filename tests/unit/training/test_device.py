"""Training on a GPU, as far as that can be held without one.

A fake GPU: torch's device ``meta``, whose tensors have a type and a shape, but no numbers. What stayed behind on the
CPU is refused there as on a real one; what a step computes, and how fast, is not tested here.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dfpt.config import Distillation
from dfpt.datasets.batches import dihedral
from dfpt.distill.adapting_task import AdaptingTask
from dfpt.distill.cached_task import CachedTask
from dfpt.distill.dual_task import DualTask
from dfpt.distill.method_task import MethodTask
from dfpt.distill.methods import names
from dfpt.steps import rounds
from dfpt.training import arithmetic, device, views
from dfpt.training.classification import Classification
from dfpt.training.distortion import Distortion
from dfpt.training.loop import Task
from dfpt.training.views import NoisyViews, PixelViews
from tests.unit.distill.methods import made_up as rivals
from tests.unit.training import made_up

BATCH = 6
READS_NUMBERS = {"crd", "dkd", "dkd_ls"}  # their shapes depend on them, so a device without any cannot run them


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    place = torch.device("meta")
    monkeypatch.setattr(device, "chosen", lambda: place)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())  # which this device has none of
    return place


def step(task: Task, *inputs: Tensor) -> None:
    """One training step, all of whose gradients are then on the GPU."""
    place = device.chosen()
    for network in arithmetic.networks(task):
        network.to(place)
    labels = (torch.arange(BATCH) % made_up.CLASSES).to(place)
    losses = task.losses(labels, *(x.to(place) for x in inputs), progress=0.5)
    assert {loss.device for loss in losses.values()} == {place}
    torch.stack(list(losses.values())).sum().backward()
    gradients = [p.grad for p in task.trained.parameters() if p.grad is not None]
    assert gradients
    assert {gradient.device for gradient in gradients} == {place}


def pictures() -> Tensor:
    return torch.randn(BATCH, 1, made_up.SIZE, made_up.SIZE)


@pytest.mark.parametrize("method", ["dfpt-kd", "dfpt-kd+"])
def test_a_step_of_both_paths_stays_on_the_gpu(gpu: torch.device, method: str) -> None:
    paths = made_up.dual_teacher(made_up.teacher(), method)
    images, shared = pictures(), paths.shared(pictures())
    logits, places = torch.randn(BATCH, made_up.CLASSES), torch.randn(BATCH, made_up.CLASSES, 2, 2)
    task: DualTask = made_up.dual_task(paths, Distillation(at_places=1.0))
    step(task, images, shared, logits, places)
    step(AdaptingTask(task), images, shared, logits, places)
    cached = CachedTask("cached", task.student, paths.path, task.distillation, task.label_loss, (2, 2))
    step(cached, images, logits, logits, places, places)


@pytest.mark.parametrize("name", sorted(set(names()) - READS_NUMBERS))
def test_a_step_of_every_other_method_stays_on_the_gpu(gpu: torch.device, name: str) -> None:
    student, teacher = rivals.network("tiny_20k", 0), rivals.network("resnet8", 1)
    method = rivals.method(name, rivals.shape_of(student), rivals.shape_of(teacher))
    step(MethodTask(name, student, teacher, method, from_last=False), pictures(), pictures(), torch.arange(BATCH))


def test_a_step_alone_stays_on_the_gpu(gpu: torch.device) -> None:
    task: Classification = made_up.plain_task(made_up.network())
    step(task, pictures())


def test_views_and_noise_are_made_on_the_gpu(gpu: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    places = []

    def turned(images: Tensor, numbers: Tensor) -> Tensor:
        places.append((images.device, numbers.device))
        return dihedral(images, numbers)

    monkeypatch.setattr(views, "dihedral", turned)
    found = NoisyViews(PixelViews(pictures()), 0.1)(torch.arange(4), torch.tensor([0, 3, 4, 7]))
    assert places == [(gpu, torch.device("cpu"))]
    assert (found.device, found.shape) == (gpu, (4, 1, made_up.SIZE, made_up.SIZE))


def test_rounds_begin_with_all_networks_on_the_gpu(
    gpu: torch.device, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before their training the student says how many places it has."""
    paths = made_up.dual_teacher(made_up.teacher(), "dfpt-kd")
    task = made_up.dual_task(paths, Distillation(adapt="frozen", at_places=1.0))
    parts = [made_up.split(BATCH, task.teacher, views=8, places=True) for _ in range(2)]
    reached = []
    monkeypatch.setattr(rounds, "fit", lambda trained, *_, **__: reached.append(trained.grid))
    with contextlib.suppress(NotImplementedError):  # nothing comes back from this fake
        rounds.train(task, *parts, made_up.RECIPE, 8, 0, made_up.context(tmp_path))
    assert reached == [(1, 1)]


def test_random_changes_of_images_are_made_on_the_gpu(gpu: torch.device) -> None:
    labels, images = torch.zeros(BATCH, dtype=torch.int64, device=gpu), pictures().to(gpu)
    for mixup, cutmix in ((0.4, 0.0), (0.0, 1.0)):
        distort = Distortion(crop=0.125, flip=True, mixup=mixup, cutmix=cutmix, num_classes=3)
        mixed, (changed,) = distort(labels, (images,), np.random.default_rng(0))
        assert (mixed.device, changed.device) == (gpu, gpu)


def test_a_tensor_that_stayed_behind_is_noticed(gpu: torch.device) -> None:
    """The fake can say no, or the tests above would say nothing."""
    with pytest.raises(RuntimeError, match="device"):
        torch.randn(3, device=gpu) + torch.randn(3)


def test_a_training_within_a_training_leaves_the_networks_where_they_were(gpu: torch.device) -> None:
    student, teacher = made_up.network(), made_up.teacher()
    inside = []
    with contextlib.suppress(NotImplementedError), device.holding([student]):  # nothing comes back from this fake
        with contextlib.suppress(NotImplementedError), device.holding([student, teacher]):
            inside.append(next(teacher.parameters()).device)
        inside.append(next(student.parameters()).device)
    assert inside == [gpu, gpu]


def test_without_a_gpu_the_cpu_is_chosen() -> None:
    assert device.chosen() == torch.device("cpu")
    assert device.name() == "cpu"
