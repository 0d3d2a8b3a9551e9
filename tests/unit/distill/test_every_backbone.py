"""The dual-forward teacher over every registered backbone, and every method over every family of them."""

from __future__ import annotations

import pytest
import torch

from dfpt import models
from dfpt.config import Distillation, Prompt
from dfpt.distill.dual_forward import DualForwardTeacher, PathSpec, PromptPath
from dfpt.distill.dual_task import DualTask
from dfpt.distill.method_task import MethodTask
from dfpt.distill.methods import NetworkShape, create, names
from dfpt.distill.overhead import overhead
from dfpt.models import Backbone
from dfpt.models.backbone import count_parameters, laid_out
from dfpt.training.label_loss import LabelLoss

CLASSES, SIZE = 3, 16
LABELS = torch.tensor([0, 1, 2, 0])
LABEL_LOSS = LabelLoss(torch.ones(CLASSES))
FAMILIES = (
    "resnet8", "resnet18", "wrn_16_1", "vgg8", "mobilenet_v2", "shufflenet_v1", "shufflenet_v2",
    "efficientnet_lite0", "tiny_20k",
)  # fmt: skip


def network(name: str) -> Backbone:
    torch.manual_seed(0)
    return laid_out(models.create(name, CLASSES, 1, SIZE))


def images() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(len(LABELS), 1, SIZE, SIZE).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("own_stages", [False, True], ids=["dfpt-kd", "dfpt-kd+"])
@pytest.mark.parametrize("name", models.names())
def test_a_second_path_through_any_teacher_starts_neutral_learns_and_leaves_the_teacher(
    name: str, own_stages: bool
) -> None:
    teacher = network(name).eval()
    before = {key: tensor.clone() for key, tensor in teacher.state_dict().items()}
    stages = tuple(range(len(teacher.stages)))
    torch.manual_seed(2)
    spec = PathSpec(stages=stages, kernels=(3, 5), own_stages=own_stages)
    paths = laid_out(DualForwardTeacher(teacher, PromptPath(teacher, spec)))
    z_o, z_p = paths.eval()(images())
    assert torch.equal(z_o, z_p)
    task = DualTask("step", network("tiny_20k"), paths, Distillation(), Prompt(), True, LABEL_LOSS, from_pixels=True)
    task.trained.train()
    losses = task.losses(LABELS, images(), images(), progress=0.0)
    torch.stack(list(losses.values())).sum().backward()
    assert all(loss.isfinite() for loss in losses.values())
    reached = {key for key, own in paths.path.named_parameters() if own.grad is not None and own.grad.isfinite().all()}
    assert reached == dict(paths.path.named_parameters()).keys()
    assert all(torch.equal(tensor, before[key]) for key, tensor in teacher.state_dict().items())


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("method", names())
def test_one_training_step_of_every_method_with_a_teacher_of_every_family(method: str, name: str) -> None:
    teacher, student = network(name), network("tiny_20k").train()
    shapes = (NetworkShape(student.widths, CLASSES), NetworkShape(teacher.widths, CLASSES))
    task = MethodTask(method, student, teacher, create(method, *shapes, LABEL_LOSS, LABELS), from_last=False)
    task.trained.train()
    before = {key: tensor.clone() for key, tensor in task.student.state_dict().items()}
    optimiser = torch.optim.SGD(task.trained.parameters(), lr=0.01)
    losses = task.losses(LABELS, images(), images(), torch.arange(len(LABELS)), progress=0.5)
    torch.stack(list(losses.values())).sum().backward()
    optimiser.step()
    assert all(loss.isfinite() for loss in losses.values())
    assert any(not torch.equal(tensor, before[key]) for key, tensor in student.state_dict().items())
    assert all(tensor.isfinite().all() for tensor in student.state_dict().values())
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_the_overhead_is_what_a_pencil_gives() -> None:
    """resnet8 at 16 x 16, one block after its last stage: 64 channels at 4 x 4, half of them inside."""
    teacher = network("resnet8").eval()
    paths = DualForwardTeacher(teacher, PromptPath(teacher, PathSpec(stages=(2,), kernels=(3,))))
    found = overhead(paths, 1, SIZE)
    inside, places = 32, 16
    down, partial, mix, up, fusion = 64 * inside, 8 * 8 * 9, inside * inside, inside * 64, 64 * 64
    assert found["prompt_macs"] == places * (down + partial + mix + up + fusion) + 64 * CLASSES
    assert found["prompt_parameters"] == count_parameters(paths.path)
    assert found["prompt_parameters_share"] == count_parameters(paths.path) / count_parameters(teacher)
    assert found["prompt_macs_share"] == found["prompt_macs"] / found["teacher_macs"]
    for form, learnt in (("temperature", 1), ("affine", CLASSES * CLASSES + CLASSES)):
        control = PromptPath(teacher, PathSpec(stages=(2,), kernels=(3,), form=form))
        assert overhead(DualForwardTeacher(teacher, control), 1, SIZE)["prompt_parameters"] == learnt
    whole = PromptPath(teacher, PathSpec(stages=(0, 1, 2), kernels=(3,), own_stages=True))
    assert overhead(DualForwardTeacher(teacher, whole), 1, SIZE)["prompt_macs"] > 4 * found["prompt_macs"]
