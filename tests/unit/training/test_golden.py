"""Guarantee 7: a refactoring gives the identical losses.

The curve is of a short float32 run on one CPU thread. Where a change is meant to alter the numbers, write it anew and
commit it with that change: ``OMP_NUM_THREADS=1 PYTHONPATH=. python tests/unit/training/test_golden.py``
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
import torch

from dfpt.training.loop import fit
from tests.unit.training import made_up

GOLDEN = Path(__file__).with_name("golden") / "loss_curve.json"
RECIPE = made_up.RECIPE.model_copy(update={"epochs": 3, "lr": 3e-3})


def curve(method: str, place: Path) -> list[dict[str, float]]:
    paths = made_up.dual_teacher(made_up.teacher(), method)
    train, val = made_up.split(32, paths), made_up.split(12, paths, seed=1)
    history = fit(made_up.dual_task(paths), train, val, RECIPE, 1, 0, made_up.context(place)).history
    names = ("train_loss", "train_prompt_loss", "val_loss", "val_original_gap", "val_prompt_gap")
    return [{name: round(row[name], 6) for name in names} for row in history]


@pytest.mark.parametrize("method", ["dfpt-kd", "dfpt-kd+"])
def test_a_short_training_gives_the_losses_that_it_always_gave(tmp_path: Path, method: str) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = curve(method, tmp_path)
    finally:
        torch.set_num_threads(threads)
    expected = json.loads(GOLDEN.read_text(encoding="utf-8"))[method]
    assert len(found) == len(expected) == RECIPE.epochs
    for row, golden in zip(found, expected, strict=True):
        assert row == pytest.approx(golden, abs=1e-4)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        curves = {method: curve(method, Path(folder) / method) for method in ("dfpt-kd", "dfpt-kd+")}
    GOLDEN.write_text(json.dumps(curves, indent=2) + "\n", encoding="utf-8")
