from __future__ import annotations

import pytest
import torch

from dfpt.distill.dual_forward import DualForwardTeacher, PathSpec, PromptPath, positions
from dfpt.errors import UsageError
from tests.unit.training import made_up


@pytest.mark.parametrize(
    ("stages", "found"), [((-2, -1), (1, 2)), ((2, 0), (0, 2)), ((0, -3), (0,)), ((-1,), (2,)), ((0, 1, 2), (0, 1, 2))]
)
def test_stages_are_counted_from_either_end(stages: tuple[int, ...], found: tuple[int, ...]) -> None:
    assert positions(stages, 3) == found


@pytest.mark.parametrize("stages", [(), (3,), (-4,), (0, 9)])
def test_stages_that_the_teacher_lacks_are_refused(stages: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="the teacher has 3 stages"):
        positions(stages, 3)


def test_every_prompted_stage_adds_its_prompt_and_goes_through_its_fusion() -> None:
    """F_i(h_i + P_i(h_i)) is the input of the next stage."""
    original = made_up.teacher()
    paths = made_up.dual_teacher(original, stages=(0, 2)).eval()
    with torch.no_grad():
        for parameter in paths.path.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    images = made_up.pictures(4)[0]
    h = original.stages[0](original.stem(images))
    h = paths.path.fusions["0"](h + paths.path.prompts["0"](h))
    h = original.stages[2](original.stages[1](h))
    h = paths.path.fusions["2"](h + paths.path.prompts["2"](h))
    z_p = paths(images)[1]
    assert torch.equal(z_p, paths.path.head(h))
    assert not torch.allclose(z_p, original(images), atol=0.01)


@pytest.mark.parametrize("own_stages", [False, True], ids=["dfpt-kd", "dfpt-kd+"])
@pytest.mark.parametrize("statistics", [None, "own", "teacher"])
def test_later_stages_learn_where_they_are_their_own_and_count_where_their_statistics_are(
    own_stages: bool, statistics: str | None
) -> None:
    original = made_up.teacher()
    spec = PathSpec.model_validate({"stages": (0, 1), "own_stages": own_stages, "statistics": statistics})
    paths = DualForwardTeacher(original, PromptPath(original, spec))
    before = {name: tensor.clone() for name, tensor in paths.state_dict().items()}
    images = made_up.pictures(6)[0]
    z_o, z_p = paths.eval()(images)
    assert torch.equal(z_o, z_p)
    optimiser = torch.optim.SGD(paths.path.parameters(), lr=0.1)
    for _ in range(2):  # the first step goes past the block, whose last layer is zero
        optimiser.zero_grad()
        paths.train()(images)[1].square().sum().backward()
        optimiser.step()
    moved = {name for name, tensor in paths.state_dict().items() if not torch.equal(tensor, before[name])}
    counted = (own_stages, statistics) in ((True, None), (True, "own"), (False, "own"))
    assert any(name.startswith("path.stages.") and name.endswith("running_mean") for name in moved) == counted
    assert any(name.startswith("path.stages.") and name.endswith("conv1.weight") for name in moved) == own_stages
    assert not any(name.startswith("teacher.") for name in moved)
    trained = sum(parameter.numel() for parameter in paths.path.parameters() if parameter.requires_grad)
    assert paths.path.learnt == trained


def test_stages_before_the_first_prompt_are_not_copied() -> None:
    assert [len(made_up.dual_teacher(made_up.teacher(), "dfpt-kd+", (i,)).path.stages) for i in range(3)] == [2, 1, 0]
    assert len(made_up.dual_teacher(made_up.teacher(), "dfpt-kd", (0,)).path.stages) == 0


def test_the_teacher_stays_in_eval_mode_whatever_mode_is_asked_for() -> None:
    paths = made_up.dual_teacher(made_up.teacher().train())
    assert not any(module.training for module in paths.teacher.modules())
    assert not any(module.training for module in paths.train().teacher.modules())
    assert paths.path.training
