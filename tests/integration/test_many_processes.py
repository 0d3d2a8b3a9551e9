"""A step that the launcher starts under the real torchrun, with what the engine does there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dfpt import config, runtime
from dfpt.cluster import launch
from dfpt.cluster.config import Cluster
from dfpt.cluster.plan import Plan
from dfpt.cluster.work import Work

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_processes_share_a_training_and_leave_one_student(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    chosen = ("data.source=digits", "student.recipe.epochs=2")
    resolved = config.resolve(ROOT / "params.yaml", "smoke", chosen, {})
    prepared = {"dataset": tmp_path / "dataset"}
    checked = {"validation": tmp_path / "validation"}
    runtime.execute("prepare", config.for_step(resolved, "prepare"), {}, prepared, tmp_path / "prepare.json")
    runtime.execute("validate", config.for_step(resolved, "validate"), prepared, checked, tmp_path / "validate.json")

    asked = {"resources": {"train-baseline": {"num_processes": 2}}}
    plan = Plan.of("train-baseline", Cluster.model_validate(asked), "image")
    assert plan
    work = Work(
        "train-baseline",
        config.for_step(resolved, "train-baseline").model_dump(mode="json"),
        {name: str(path) for name, path in (prepared | checked).items()},
        {"baseline": str(tmp_path / "baseline")},
        str(tmp_path / "metrics.json"),
    )
    values = launch.launch(plan.to_environment(), work)
    assert values == json.loads((tmp_path / "metrics.json").read_text())
    assert values["epochs"] == 2
    assert values["val_accuracy"] > 0.6
    assert (tmp_path / "baseline" / "model.safetensors").exists()
    assert capfd.readouterr().out.count("[train-baseline] starting") == 1  # the first process alone reports
