"""The command, and the whole road."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dfpt.bench.distill import (
    SUITES,
    Suite,
    ablate,
    answers,
    cells,
    confirm,
    quick,
    rerun,
    screen,
    screening,
    summarise,
    sweep,
)
from dfpt.bench.distill.cells import Cell
from dfpt.bench.distill.methods import BASE
from dfpt.cli.main import app
from dfpt.config import Config
from dfpt.errors import UsageError
from tests.unit.bench.stored_cells import ELPV, said, stored


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--suite", "elvp"], "Unknown suite 'elvp'"),
        (["--rerun", "kd:4201:0:1"], "The cell kd:4201:0:1 is not stored"),
        (["--rerun", "kd:4201"], "no cell"),
        (["--only", "kd"], "--only is for one tier"),
        (["--only", "kd", "--tier", "gap"], "--only is for one tier"),
        (["--only", "kd", "--only", "gelu", "--tier", "screen"], "The tier screen of elpv has no gelu"),
        (["--only", "kd", "--tier", "ablate"], "The tier ablate of elpv has no kd"),
    ],
)
def test_what_the_command_cannot_do_is_said(tmp_path: Path, words: list[str], message: str) -> None:
    stored(tmp_path, "screened", Cell("kd", 7, 0, 0), said([0], [0]))
    places = ["--out", str(tmp_path), "--home", str(tmp_path / "home")]
    with pytest.raises(UsageError) as refused:
        CliRunner().invoke(app, ["bench", "distill", *places, *words], catch_exceptions=False)
    assert message in refused.value.message
    assert "kd:7:0:0" in refused.value.remedy or "not stored" not in message


@pytest.mark.parametrize(
    ("tier", "names", "methods", "ablations"),
    [
        ("screen", ["plain", "kd"], ("plain", "kd"), ELPV.ablations),
        ("ablate", ["gelu", "affine_map"], ELPV.methods, ("affine_map", "gelu")),
    ],
)
def test_a_tier_can_be_asked_about_a_few_rows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tier: str,
    names: list[str],
    methods: tuple[str, ...],
    ablations: tuple[str, ...],
) -> None:
    stored(tmp_path / "out", "screened", Cell("kd", 7, 0, 0), said([0], [0]))  # else there is nothing to sum up
    asked: list[Suite] = []
    monkeypatch.setattr(f"dfpt.bench.distill.{tier}", lambda suite, *rest: asked.append(suite))
    words = [word for name in names for word in ("--only", name)]
    places = ["--out", str(tmp_path / "out"), "--home", str(tmp_path / "home")]
    done = CliRunner().invoke(app, ["bench", "distill", "--tier", tier, *words, *places])
    assert done.exit_code == 0, done.output
    assert asked == [dataclasses.replace(ELPV, methods=methods, ablations=ablations)]


@pytest.mark.parametrize(("method", "tier"), [("kd", "confirmed"), ("kd", "screened"), ("affine_map", "ablated")])
def test_a_cell_of_any_tier_can_be_computed_again_as_it_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, tier: str
) -> None:
    cell = Cell(method, 7, 0, 0)
    stored(tmp_path / "out", tier, cell, said([0, 1, 0, 1], [0, 1, 2, 0]))
    record = json.loads((tmp_path / "out" / tier / f"{cell.name}.json").read_text())
    trained = tmp_path / "home" / "rerun" / "student"

    def train(config: Config, home: Path, place: str) -> Path:
        assert config.model_dump(mode="json") == record["config"]
        trained.mkdir(parents=True)
        return home

    def store(folder: Path, cell: Cell, tier: str, config: Config, trained: Path) -> None:
        stored(folder.parent, tier, cell, said([0, 1, 2, 1], [0, 1, 2, 0]))  # one image is answered in another way

    monkeypatch.setattr(cells, "train", train)
    monkeypatch.setattr(cells, "store", store)
    found = rerun(cells.parse(str(cell), ELPV), tmp_path / "out", tmp_path / "home", tmp_path / "again")
    assert not trained.exists(), "the next call begins anew"
    assert found == {
        "cell": str(cell),
        "tier": tier,
        "same_images": True,
        "stored_accuracy": 0.5,
        "accuracy": 0.75,
        "same_answers": 0.75,
    }


def test_the_whole_road_on_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tier and the summary; a second call computes nothing; a cell computed again gives the same answers."""
    monkeypatch.setenv("DFPT_HOME", str(tmp_path / "home"))
    suite, out, home = quick(SUITES["digits"]), tmp_path / "out", tmp_path / "home"
    for tier in (screen, confirm, ablate, sweep):
        tier(suite, out, home, lambda done, total, next_: None)
    for method in suite.methods:
        search = screening.screened(suite, method, out)
        assert [len(trial["rungs"]) for trial in search["trials"]] == [2, 2]
        assert search["score"] == max(trial["rungs"][-1]["score"] for trial in search["trials"])
    found = summarise(suite, out)
    rows = found["methods"]
    assert [(row["method"], row["tier"]) for row in rows] == [
        *((method, "confirmed") for method in ("teacher", *suite.methods)),
        *((method, "screened") for method in suite.methods),
    ]
    for row in rows:
        assert row["pairs"] == 1
        assert row["accuracy_mean"] > 0.5
    assert [row["method"] for row in found["ablations"]] == [BASE, suite.ablations[0]]
    assert found["ablations"][1]["pairs"] == 1
    assert len(found["gap"]["pairs"]) == 2
    assert found["gap"]["slope"] is None, "two points have no spread about their line"
    test, val = (
        set(answers.read(out / tier / f"kd-{partition}-0-0.jsonl.gz").ids)
        for tier, partition in (("confirmed", suite.partitions[0]), ("screened", suite.development))
    )
    assert len(test) == pytest.approx(1797 / 4, abs=1)
    assert len(val) == pytest.approx(1797 * 3 / 4 * suite.development_val, abs=10)
    records = {path: path.stat().st_mtime_ns for path in (out / "confirmed").iterdir()}
    confirm(suite, out, home, lambda done, total, next_: None)
    assert {path: path.stat().st_mtime_ns for path in (out / "confirmed").iterdir()} == records
    command = ["bench", "distill", "--suite", "digits", "--quick", "--rerun", f"dfpt_kd:{suite.partitions[0]}:0:0"]
    done = CliRunner().invoke(app, [*command, "--json", "--out", str(out), "--home", str(home)])
    assert done.exit_code == 0, done.output
    again = json.loads(done.stdout)
    assert again["same_answers"] == 1.0
    assert again["accuracy"] == again["stored_accuracy"]
