"""Several processes on half the batch each are one process on the whole: started by torchrun, talking by gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dfpt import graph, models
from dfpt.config import Distillation
from dfpt.distill.dual_task import DualTask
from dfpt.distill.methods.crd import Memory
from dfpt.errors import UsageError
from dfpt.models import Backbone
from dfpt.steps import rounds
from dfpt.training import distributed
from dfpt.training.label_loss import LabelLoss
from dfpt.training.loop import fit
from tests.unit.training import made_up

STEPS = 6


def without_batch_statistics(network: nn.Module) -> None:
    """GroupNorm in place of BatchNorm: an image's answer is no longer its batch's affair."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.GroupNorm(1, child.num_features))


def losses(place: Path, alternate: bool = False) -> list[dict[str, float]]:
    """Of each step of a short DFPT-KD training with class weights; an epoch is one batch of all images.

    Args:
        alternate: the prompt path adapts before every third step alone.
    """
    student: Backbone = made_up.network()
    paths = made_up.dual_teacher(made_up.teacher())
    without_batch_statistics(student)
    without_batch_statistics(paths.path)
    label_loss = LabelLoss(torch.tensor([3.0, 1.0, 0.5]), 0.1)
    task = DualTask("together", student, paths, Distillation(round=3), made_up.PROMPT, True, label_loss)
    recipe = made_up.RECIPE.model_copy(update={"batch_size": 16, "epochs": STEPS, "ema": 0.5, "clip": 1.0})
    train, val = made_up.split(16, paths, views=8), made_up.split(12, paths, seed=1, views=8)
    go = rounds.train if alternate else fit
    rows = go(task, train, val, recipe, 8, 0, made_up.context(place)).history
    return [{name: value for name, value in row.items() if name not in ("epoch", "seconds")} for row in rows]


def measured(place: Path) -> dict[str, Any]:
    """What a process finds that measures how to compute, and trains a network with BatchNorm and an average of it."""
    student = made_up.network()
    task = made_up.plain_task(student)
    open_ = {"batch_size": 8, "ema": 0.5, "precision": "auto", "memory_format": "auto"}
    progress = fit(
        task,
        made_up.split(32),
        made_up.split(12, seed=1),
        made_up.RECIPE.model_copy(update=open_),
        1,
        0,
        made_up.context(place / str(distributed.rank())),  # what the first one measures the other cannot read
    )
    memory = Memory(4, 2, 0.5)
    own = memory.rows.clone()
    distributed.average_buffers(memory)
    return {
        "history": [{name: value for name, value in row.items() if name != "seconds"} for row in progress.history],
        "chosen": [progress.bfloat16, progress.channels_last],
        "statistics": {name: buffer.tolist() for name, buffer in student.named_buffers()},
        "memory is its own": torch.equal(memory.rows, own),
    }


def torchrun(root: Path, *command: str, home: Path) -> subprocess.CompletedProcess[str]:
    starter = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *command]
    environment = {**os.environ, "DFPT_HOME": str(home), "PYTHONPATH": str(root)}
    return subprocess.run(starter, cwd=root, env=environment, capture_output=True, text=True, timeout=240)


def in_two_processes(root: Path, place: Path, call: str) -> tuple[Any, Any]:
    """What ``call``, of this module, returns in each."""
    code = place / "call.py"
    code.write_text(
        "import json; from pathlib import Path\n"
        "from dfpt.training import distributed\n"
        "from tests.unit.training import test_distributed\n"
        "with distributed.joined():\n"
        f"    found = test_distributed.{call}\n"
        f"    Path({str(place)!r}, f'rank-{{distributed.rank()}}.json').write_text(json.dumps(found))\n"
    )
    done = torchrun(root, str(code), home=place)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((place / f"rank-{rank}.json").read_text()) for rank in (0, 1))
    return first, second


@pytest.mark.parametrize("alternate", [False, True], ids=["joint", "alternate"])
def test_two_processes_with_half_the_batch_each_have_the_losses_of_one(
    tmp_path: Path, root: Path, alternate: bool
) -> None:
    first, second = in_two_processes(root, tmp_path, f"losses(Path({str(tmp_path)!r}) / 'two', {alternate})")
    assert first == second
    alone = losses(tmp_path / "one", alternate)
    assert len(first) == len(alone) == STEPS
    for ours, one in zip(first, alone, strict=True):
        assert ours == pytest.approx(one, abs=1e-5)
    assert alone[0]["train_loss"] != pytest.approx(alone[-1]["train_loss"], abs=1e-2)  # something was learnt


def test_two_processes_compute_as_the_first_has_measured_and_keep_one_average(tmp_path: Path, root: Path) -> None:
    first, second = in_two_processes(root, tmp_path, f"measured(Path({str(tmp_path)!r}))")
    assert first == second
    assert first["memory is its own"]
    assert not (tmp_path / "1" / "home" / "cache" / "precision.json").exists()


def test_a_batch_that_cannot_be_dealt_out_evenly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "size", lambda: 2)
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    assert distributed.share(torch.arange(6)).tolist() == [3, 4, 5]
    with pytest.raises(UsageError, match=r"batch of 7 images .* 2 processes"):
        distributed.share(torch.arange(7))


SMALL = ["--profile", "smoke", "--set", "data.source=digits", "--set", "student.recipe.epochs=2"]
FIRST = ("prepare", "validate", "train-teacher", "tune-prompt")


def command(step: str, place: Path) -> list[str]:
    ins = [word for name in graph.STEPS[step].takes for word in ("--in", f"{name}={place / name}")]
    outs = [word for name in graph.STEPS[step].gives for word in ("--out", f"{name}={place / name}")]
    return ["step", step, "--overwrite", *SMALL, *ins, *outs, "--out", f"metrics={place / step}.json"]


@pytest.mark.slow
def test_distil_under_torchrun_writes_one_student_and_the_same_one_each_time(tmp_path: Path, root: Path) -> None:
    environment: dict[str, Any] = {**os.environ, "DFPT_HOME": str(tmp_path / "home"), "PYTHONPATH": str(root)}
    for step in FIRST:
        alone = [sys.executable, "-m", "dfpt.cli.main", *command(step, tmp_path)]
        done = subprocess.run(alone, cwd=root, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
    found = []
    for _ in range(2):
        done = torchrun(root, "-m", "dfpt.cli.main", *command("distil", tmp_path), home=tmp_path / "home")
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("[distil] done") + done.stderr.count("[distil] done") == 1
        found.append((tmp_path / "student" / "model.safetensors").read_bytes())
    assert found[0] == found[1]
    metrics = json.loads((tmp_path / "distil.json").read_text())
    assert metrics["val_accuracy"] > 0.5
    network, spec = models.load(tmp_path / "student")
    assert spec.name == "tiny_20k"
    assert all(tensor.isfinite().all() for tensor in network.state_dict().values())
    assert not any((tmp_path / "home" / "checkpoints" / "distil").iterdir())

    refused = torchrun(root, "-m", "dfpt.cli.main", *command("validate", tmp_path), home=tmp_path / "home")
    assert refused.returncode != 0
    assert "validate is no work for several processes" in refused.stderr
