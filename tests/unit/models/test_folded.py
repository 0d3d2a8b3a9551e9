"""A frozen teacher with its BatchNorm folded says the same, to the rounding that is stated."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from dfpt import models
from dfpt.distill.dual_forward import DualForwardTeacher, PathSpec, PromptPath
from dfpt.models.backbone import Backbone, laid_out, pooled_linear
from dfpt.models.folded import TOLERANCE, folded

SIZE = 32
FAMILIES = ["resnet8", "resnet50", "wrn_16_1", "vgg8", "mobilenet_v2", "shufflenet_v1", "shufflenet_v2"]
FAMILIES += ["efficientnet_lite0", "tiny_20k"]


def used(name: str) -> Backbone:
    """A network whose statistics are not those of a new one."""
    torch.manual_seed(0)
    model = laid_out(models.create(name, 3, 1, SIZE)).train()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(4, 1, SIZE, SIZE) * 2 + 1)
        for norm in model.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.weight.uniform_(0.5, 2)
                norm.bias.uniform_(-1, 1)
    return model.eval()


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@pytest.mark.parametrize("name", FAMILIES)
def test_the_answers_are_the_same_to_the_stated_rounding(name: str) -> None:
    model = used(name)
    before = copy.deepcopy(model.state_dict())
    frozen = folded(model, 1, SIZE)
    images = torch.randn(4, 1, SIZE, SIZE)
    with torch.no_grad():
        expected, found = model(images), frozen(images)
    assert (found - expected).abs().max() <= TOLERANCE * expected.abs().max()
    assert norms(frozen) == norms(frozen.head) + (6 if name.startswith("wrn") else 0)  # which come before theirs
    assert norms(model) > norms(frozen)
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


def test_a_convolution_that_something_else_reads_too_is_left_alone() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            found: Tensor = self.norm(y) + y
            return found

    torch.manual_seed(0)
    model = Backbone(nn.Identity(), [Both()], pooled_linear(4, 3), (4,)).eval()
    nn.init.constant_(model.stages[0].norm.weight, 3.0)  # type: ignore[union-attr, arg-type]
    kept = folded(model, 1, 8)
    assert norms(kept) == 1
    images = torch.randn(2, 1, 8, 8)
    assert torch.equal(kept(images), model(images))


@pytest.mark.parametrize("own_stages", [False, True], ids=["dfpt-kd", "dfpt-kd+"])
def test_the_original_path_stays_what_it_is_and_the_second_one_starts_neutral(own_stages: bool) -> None:
    """Guarantees 2 and 4 for a folded teacher: bit for bit with shared stages, to the rounding with its own."""
    model = used("resnet8")
    path = PromptPath(model, PathSpec(stages=(0, 2), kernels=(3, 5), own_stages=own_stages))
    paths = DualForwardTeacher(folded(model, 1, SIZE), path)
    images = torch.randn(4, 1, SIZE, SIZE)
    z_o, z_p = paths.eval()(images)
    assert torch.equal(z_o, z_p) or own_stages
    assert (z_p - z_o).abs().max() <= TOLERANCE * z_o.abs().max()
    paths.train()
    optimiser = torch.optim.SGD(path.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        paths.prompted(paths.shared(images)).square().sum().backward()
        optimiser.step()
    assert torch.equal(paths.original(paths.shared(images)), z_o)
    assert not torch.equal(paths.prompted(paths.shared(images)), z_p)
