"""Memory format and compilation change the time of a training, not what it does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from dfpt.training.arithmetic import compile_parts
from dfpt.training.loop import Progress, fit
from tests.unit.training import made_up


def trained(place: Path, method: str = "dfpt-kd+", **recipe: Any) -> tuple[Progress, list[float], torch.nn.Module]:
    paths = made_up.dual_teacher(made_up.teacher(), method)
    task = made_up.dual_task(paths, made_up.Distillation(at_places=0.5))
    parts = made_up.split(16, paths, places=True), made_up.split(12, paths, seed=1, places=True)
    progress = fit(task, *parts, made_up.RECIPE.model_copy(update=recipe), 1, 0, made_up.context(place))
    return progress, [row["train_loss"] for row in progress.history], task.trained


def is_channels_last(network: torch.nn.Module) -> bool:
    convolutions = [p for p in network.parameters() if p.dim() == 4 and min(p.shape) > 1]
    kinds = {p.is_contiguous(memory_format=torch.channels_last) for p in convolutions}
    assert len(kinds) == 1
    return kinds.pop()


def test_the_contiguous_format_trains_to_the_same_losses(tmp_path: Path) -> None:
    usual, losses, network = trained(tmp_path / "usual")
    other, found, arranged = trained(tmp_path / "other", memory_format="contiguous")
    assert found == pytest.approx(losses, abs=1e-4)
    assert (usual.channels_last, other.channels_last) == (True, False)
    assert is_channels_last(network["student"])  # type: ignore[index]
    assert not is_channels_last(arranged["student"])  # type: ignore[index]


@pytest.mark.parametrize(("contiguous", "taken"), [(1.0, "contiguous"), (1.9, "channels_last"), (4.0, "channels_last")])
def test_a_clearly_faster_format_is_taken_and_the_measurement_kept(
    tmp_path: Path, contiguous: float, taken: str
) -> None:
    trained(tmp_path, memory_format="auto", epochs=1)
    path = tmp_path / "home" / "cache" / "memory_format.json"
    ((key, seconds),) = json.loads(path.read_text()).items()
    assert set(seconds) == {"channels_last", "contiguous"}
    assert all(value > 0 for value in seconds.values())
    path.write_text(json.dumps({key: {"channels_last": 2.0, "contiguous": contiguous}}))
    shutil.rmtree(tmp_path / "checkpoints")
    assert trained(tmp_path, memory_format="auto")[0].way.memory_format == taken


def test_the_measurement_changes_nothing_of_the_training(tmp_path: Path) -> None:
    path = tmp_path / "home" / "cache" / "memory_format.json"
    _, losses, _ = trained(tmp_path / "given")
    trained(tmp_path, memory_format="auto", epochs=1)
    (key,) = json.loads(path.read_text())
    path.write_text(json.dumps({key: {"channels_last": 1.0, "contiguous": 2.0}}))
    shutil.rmtree(tmp_path / "checkpoints")
    assert trained(tmp_path, memory_format="auto")[1] == losses


def test_every_part_that_is_called_is_compiled_and_keeps_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = made_up.dual_teacher(made_up.teacher(), "dfpt-kd+")
    task = made_up.dual_task(paths)
    names = list(task.trained.state_dict())
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: compiled.add(id(module)))
    compiled: set[int] = set()
    compile_parts(task)
    for network in (task.student, paths.teacher):
        assert {id(part) for part in (network.stem, *network.stages, network.head)} <= compiled
    own = (*paths.path.prompts.values(), *paths.path.fusions.values(), *paths.path.stages, paths.path.head)
    assert {id(part) for part in own} <= compiled
    assert id(task.student) not in compiled
    assert list(task.trained.state_dict()) == names


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_training_has_the_same_losses(tmp_path: Path) -> None:
    found = {}
    for compiled in (False, True):
        task, train, val = made_up.plain_task(made_up.network()), made_up.split(16), made_up.split(12, seed=1)
        recipe = made_up.RECIPE.model_copy(update={"compile": compiled})
        rows = fit(task, train, val, recipe, 1, 0, made_up.context(tmp_path / str(compiled))).history
        found[compiled] = [row["train_loss"] for row in rows], list(task.trained.state_dict())
    assert found[True][0] == pytest.approx(found[False][0], abs=1e-3)
    assert found[True][1] == found[False][1]
