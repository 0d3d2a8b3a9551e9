"""The controls of the adaptation: what is the same for every input, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dfpt import config as configuration
from dfpt.distill.control import Map, Recalibrated
from dfpt.distill.dual_forward import DualForwardTeacher, PathSpec, PromptPath
from dfpt.errors import UsageError
from dfpt.models import Backbone
from dfpt.training.loop import fit
from tests.unit.training import made_up

FORMS: tuple[Map, ...] = ("affine", "temperature")


def controlled(original: Backbone, form: Map) -> DualForwardTeacher:
    path = PromptPath(original, PathSpec(stages=(0, 1), kernels=(3,), form=form))
    return DualForwardTeacher(original, path)


@pytest.mark.parametrize("form", FORMS)
def test_a_control_starts_as_the_original_path(form: Map) -> None:
    paths = controlled(made_up.teacher(), form).train()
    z_o, z_p = paths(made_up.pictures(6)[0])
    assert torch.equal(z_o, z_p)


@pytest.mark.parametrize("form", FORMS)
def test_a_control_learns_one_map_of_the_original_logits_and_nothing_else(tmp_path: Path, form: Map) -> None:
    paths = controlled(made_up.teacher(), form)
    before = {name: tensor.clone() for name, tensor in paths.state_dict().items()}
    train, val = made_up.split(48, paths), made_up.split(12, paths, seed=1)
    fit(made_up.dual_task(paths), train, val, made_up.RECIPE, 1, 0, made_up.context(tmp_path))
    moved = {name for name, tensor in paths.state_dict().items() if not torch.equal(tensor, before[name])}
    assert (
        moved
        == {
            "affine": {"path.head.map.weight", "path.head.map.bias"},
            "temperature": {"path.head.map.log_temperature"},
        }[form]
    )
    z_o, z_p = paths.eval()(made_up.pictures(40, seed=5)[0])
    head = paths.path.head
    assert isinstance(head, Recalibrated)
    torch.testing.assert_close(head.map(z_o), z_p)
    if form == "temperature":
        assert torch.equal(z_p.argmax(1), z_o.argmax(1))


def test_a_path_of_its_own_and_a_control_exclude_each_other() -> None:
    for own in ("distillation.method=dfpt-kd+", "prompt.statistics=own"):
        with pytest.raises(UsageError, match="has no stages of its own"):
            configuration.resolve(None, "smoke", ["prompt.form=affine", own], environment={})


@pytest.mark.parametrize("form", FORMS)
def test_without_the_neutral_start_a_control_still_reads_the_original_logits(form: Map) -> None:
    original = made_up.teacher()
    path = PromptPath(original, PathSpec(stages=(0, 1), kernels=(3,), form=form, neutral_start=False))
    assert isinstance(path.head, Recalibrated)
    kept = original.head.state_dict()
    assert all(torch.equal(tensor, kept[name]) for name, tensor in path.head.head.state_dict().items())
    if form == "affine":
        assert not torch.equal(path.head.map.weight, torch.eye(made_up.CLASSES))


def test_without_the_neutral_start_the_prompt_path_says_something_else() -> None:
    original = made_up.teacher()
    torch.manual_seed(0)
    path = PromptPath(original, PathSpec(stages=(0, 1), kernels=(3,), neutral_start=False))
    z_o, z_p = DualForwardTeacher(original, path).eval()(made_up.pictures(6)[0])
    assert not torch.allclose(z_o, z_p, atol=0.05)
    assert all(path.prompts[name].up.weight.any() for name in path.prompts)
