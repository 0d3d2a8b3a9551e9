"""One training of the benchmark: what it is of, and when it counts as stored."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dfpt.bench.distill import answers, cells
from dfpt.bench.distill.cells import Cell
from dfpt.bench.distill.methods import METHODS
from dfpt.errors import UsageError
from tests.unit.bench.stored_cells import ELPV, said


@pytest.mark.parametrize("text", ["kd", "kd:4201:0", "kd:4201:0:x", "kdd:4201:0:0", "kd:8:0:0", "kd:4201:0:0:0"])
def test_a_cell_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        cells.parse(text, ELPV)


def test_a_cell_is_read_as_it_is_written() -> None:
    for cell in (Cell("dfpt_kd_plus", 4203, 3, 1), Cell("kd", cells.BLOCK, 0, 0)):
        assert cells.parse(str(cell), ELPV) == cell


def test_a_cell_of_an_older_suite_does_not_count_as_stored(tmp_path: Path) -> None:
    setting, cell = METHODS["kd"].defaults, Cell("kd", 7, 0, 0)
    config = cells.configured(ELPV, cell, setting, ELPV.rungs[-1], ELPV.development_val).model_dump(mode="json")
    path = tmp_path / f"{cell.name}.json"

    def counts(config: dict[str, Any]) -> bool:
        path.write_text(json.dumps(dataclasses.asdict(cell) | {"config": config}))
        return cells.is_stored(ELPV, cell, setting, "screened", tmp_path)

    assert not cells.is_stored(ELPV, cell, setting, "screened", tmp_path)
    assert not counts(config), "nobody knows its answers"
    answers.write(tmp_path / f"{cell.name}.jsonl.gz", said([0], [0]))
    assert counts(config)
    assert not cells.is_stored(ELPV, cell, setting, "ablated", tmp_path), "its students train longer"
    assert counts(config | {"gate": {}})  # no part of it
    taught = config["distillation"]
    assert counts(config | {"prompt": {}, "distillation": taught | {"adapt": "frozen", "at_places": 3.0}})  # not kd's
    assert not counts(config | {"distillation": taught | {"teacher_cache": False, "adapt": "joint"}})
    assert not counts(config | {"data": config["data"] | {"near_copies_together": None}})
    assert not counts(config | {"a key of then": 1})
    assert not cells.is_stored(ELPV, cell, setting | {"distillation.options.temperature": 2.0}, "screened", tmp_path)


def test_a_method_with_a_teacher_of_its_own_leaves_everybodys_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = SimpleNamespace(positive=[2], data_hash="d")
    monkeypatch.setattr(cells, "images", lambda shared: SimpleNamespace(task=task))
    monkeypatch.setattr(cells, "ask", lambda images, network, split: said([0], [0]))
    monkeypatch.setattr(cells.evaluate, "taught", lambda *_: None)
    learnt = {"training_seconds": 1.0, "best_epoch": 1.0, "val_accuracy": 0.5}

    def store(method: str) -> None:
        shared = tmp_path / method
        (shared / "teacher").mkdir(parents=True)
        (shared / "teacher" / "model.safetensors").write_text(f"the teacher of {method}")
        (shared / "train-teacher.json").write_text(json.dumps(learnt))
        cell = Cell(method, 4201, 0, 0)
        config = cells.configured(ELPV, cell, {}, ELPV.epochs)
        trained = cells.Trained(shared, shared, {"distil": learnt, "tune-prompt": {"epochs": 0.0}})
        cells.store(tmp_path / "confirmed", cell, "confirmed", config, trained)

    store("eskd")
    assert not (tmp_path / "confirmed" / "teacher-4201-0-0.json").exists()
    store("kd")
    kept = (tmp_path / "confirmed" / "teacher-4201-0-0.json").read_bytes()
    (tmp_path / "confirmed" / "teacher-4201-0-0.jsonl.gz").unlink()
    store("dkd")
    assert (tmp_path / "confirmed" / "teacher-4201-0-0.jsonl.gz").exists(), "answers that are gone are asked for again"
    assert (tmp_path / "confirmed" / "teacher-4201-0-0.json").read_bytes() != kept
    assert json.loads((tmp_path / "confirmed" / "kd-4201-0-0.json").read_text())["metrics"]["tuning_seconds"] == 0
