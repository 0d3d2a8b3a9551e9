from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dfpt.context import Context
from dfpt.training import precision
from dfpt.training.loop import fit
from tests.unit.training import made_up


def never() -> Tensor:
    raise AssertionError("measured")


def test_what_is_asked_for_is_taken_without_a_measurement(tmp_path: Path) -> None:
    assert precision.choose("float32", never, "a network", tmp_path) is torch.float32
    assert precision.choose("bfloat16", never, "a network", tmp_path) is torch.bfloat16
    assert not (tmp_path / "cache").exists()


def test_a_measurement_is_kept_and_used_again(tmp_path: Path) -> None:
    weight, types = torch.ones(8, 8, requires_grad=True), []

    def step() -> Tensor:
        product = weight @ weight
        types.append(product.dtype)
        return product.sum()

    found = precision.choose("auto", step, "a network", tmp_path)
    assert types == [torch.float32] * 4 + [torch.bfloat16] * 4
    assert precision.choose("auto", never, "a network", tmp_path) is found
    with pytest.raises(AssertionError, match="measured"):
        precision.choose("auto", never, "another network", tmp_path)


@pytest.mark.parametrize(("bfloat16", "expected"), [(0.8, torch.bfloat16), (0.95, torch.float32), (3, torch.float32)])
def test_bfloat16_must_be_worth_it(tmp_path: Path, bfloat16: float, expected: torch.dtype) -> None:
    precision.choose("auto", lambda: torch.ones(1, requires_grad=True).sum(), "a network", tmp_path)
    path = tmp_path / "cache" / "precision.json"
    (key,) = json.loads(path.read_text())
    path.write_text(json.dumps({key: {"float32": 1.0, "bfloat16": bfloat16}}))
    assert precision.choose("auto", never, "a network", tmp_path) is expected


def test_a_format_is_measured_for_each_type(tmp_path: Path) -> None:
    steps = {"fast": lambda: torch.ones(1, requires_grad=True).sum()}
    for dtype in (torch.float32, torch.bfloat16):
        precision.faster("memory_format.json", steps, dtype, "a network", tmp_path)
    assert len(json.loads((tmp_path / "cache" / "memory_format.json").read_text())) == 2
    assert precision.faster("memory_format.json", {"fast": never}, torch.float32, "a network", tmp_path) == "fast"


@pytest.mark.parametrize(("contiguous", "expected"), [(0.8, "contiguous"), (0.95, "usual"), (3, "usual")])
def test_another_format_must_be_worth_it(tmp_path: Path, contiguous: float, expected: str) -> None:
    """Else the noise of a measurement would decide what is computed."""
    steps = dict.fromkeys(("usual", "contiguous"), lambda: torch.ones(1, requires_grad=True).sum())
    precision.faster("memory_format.json", steps, torch.float32, "a network", tmp_path)
    path = tmp_path / "cache" / "memory_format.json"
    (key,) = json.loads(path.read_text())
    path.write_text(json.dumps({key: {"usual": 1.0, "contiguous": contiguous}}))
    assert precision.faster("memory_format.json", steps, torch.float32, "a network", tmp_path) == expected


def test_a_damaged_record_is_measured_anew(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "precision.json").write_text("{")
    precision.choose("auto", lambda: torch.ones(1, requires_grad=True).sum(), "a network", tmp_path)
    assert len(json.loads((tmp_path / "cache" / "precision.json").read_text())) == 1


def test_the_measurement_changes_nothing_of_the_training(tmp_path: Path) -> None:
    context = made_up.context(tmp_path / "auto")
    recipe = made_up.RECIPE.model_copy(update={"precision": "auto"})
    train, val = made_up.split(24), made_up.split(12, seed=1)
    measured = made_up.plain_task(made_up.network())
    fit(measured, train, val, recipe.model_copy(update={"epochs": 1}), 1, 0, context)
    path = context.home / "cache" / "precision.json"
    found = {key: {"float32": 1.0, "bfloat16": 2.0} for key in json.loads(path.read_text())}

    again = made_up.context(tmp_path / "again")  # float32 it is, once after a measurement, once without
    (again.home / "cache").mkdir(parents=True)
    (again.home / "cache" / "precision.json").write_text(json.dumps(found))
    automatic, fixed = made_up.plain_task(made_up.network()), made_up.plain_task(made_up.network())
    fit(automatic, train, val, recipe, 1, 0, again)
    fit(fixed, train, val, made_up.RECIPE, 1, 0, made_up.context(tmp_path / "fixed"))
    state = fixed.model.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in automatic.model.state_dict().items())


def test_networks_that_differ_in_size_alone_are_measured_apart(tmp_path: Path) -> None:
    recipe = made_up.RECIPE.model_copy(update={"precision": "auto", "epochs": 1})
    train, val = made_up.split(16), made_up.split(12, seed=1)
    for name in ("tiny_20k", "tiny_60k"):
        context = Context(tmp_path, tmp_path / name)
        fit(made_up.plain_task(made_up.network(name)), train, val, recipe, 1, 0, context)
    assert len(json.loads((tmp_path / "cache" / "precision.json").read_text())) == 2
