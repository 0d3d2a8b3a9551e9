"""What makes the benchmark fair: budgets, pairs, who is confirmed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from dfpt.bench.distill import SUITES, Suite, answers, cells, confirmation, quick, rerun, screening, summarise
from dfpt.bench.distill.cells import Cell
from dfpt.bench.distill.methods import ABLATIONS, BASE, METHODS, Range
from dfpt.cli.main import app
from dfpt.config import Config
from dfpt.distill.methods import METHODS as RIVALS
from dfpt.errors import UsageError
from tests.unit.bench.stored_cells import said, screened, stored

ELPV = SUITES["elpv"]


@pytest.mark.parametrize("method", METHODS)
def test_every_trial_of_every_method_is_a_valid_configuration(method: str) -> None:
    for setting in screening.settings(ELPV, method):
        config = cells.configured(ELPV, Cell(method, ELPV.development, 0, 0), setting, ELPV.epochs)
        assert config.student.recipe.epochs == ELPV.epochs
        assert config.data.fold is not None
        assert config.data.fold.seed == ELPV.development
        name = config.distillation.method
        if name in RIVALS:
            RIVALS[name].options.model_validate(config.distillation.options)
        else:
            assert name == ("dfpt-kd+" if "plus" in method else "dfpt-kd")


@pytest.mark.parametrize("method", METHODS)
def test_trials_start_with_the_defaults_and_fill_the_ranges(method: str) -> None:
    found = screening.settings(ELPV, method)
    assert found == screening.settings(ELPV, method)
    assert len(found) == ELPV.trials
    assert found[0] == METHODS[method].defaults
    for key, searched in METHODS[method].searched.items():
        values = [setting[key] for setting in found[1:]]
        middle = (searched.low * searched.high) ** 0.5
        assert searched.low <= min(values) < middle < max(values) <= searched.high
        assert len(set(values)) == len(values)
        assert not screening.at_edge(searched.default, searched)


def test_the_rows_whose_networks_are_others_say_which() -> None:
    early = cells.configured(ELPV, Cell("eskd", ELPV.development, 0, 0), {}, ELPV.epochs)
    assert early.teacher.recipe.stop_after == 0.4
    by_assistant = cells.configured(ELPV, Cell("takd", ELPV.development, 0, 0), {}, ELPV.epochs)
    assert by_assistant.distillation.options == {"label": 1.0, **ELPV.assistant}
    for method, divergence in (("dfpt_kd", "kl"), ("dfpt_kd_dkd", "dkd"), ("dfpt_kd_ls", "ls")):
        config = cells.configured(ELPV, Cell(method, ELPV.development, 0, 0), {}, ELPV.epochs)
        assert (config.distillation.divergence, config.prompt.divergence) == (divergence, "kl")


def test_the_partitions_that_confirm_are_not_the_one_that_was_searched_on() -> None:
    for suite in SUITES.values():
        assert suite.development not in suite.partitions


def test_the_defaults_and_the_best_of_every_few_go_on() -> None:
    trials = [
        {"name": n, "rungs": [{"score": score}]} for n, score in enumerate([0.1, 0.4, 0.9, 0.3, 0.8, 0.2, 0.5, 0])
    ]
    assert [trial["name"] for trial in screening.surviving(trials, 8)] == [0, 2]
    assert [trial["name"] for trial in screening.surviving(trials, 4)] == [0, 2, 4]
    assert [trial["name"] for trial in screening.surviving(trials[:2], 8)] == [0, 1]


def test_an_optimum_at_the_end_of_its_range_is_told() -> None:
    searched = Range(0.1, 1000.0, 1.0)
    assert screening.at_edge(0.11, searched)
    assert screening.at_edge(900.0, searched)
    assert not screening.at_edge(0.2, searched)
    assert not screening.at_edge(500.0, searched)


def trials_of(method: str) -> list[dict[str, Any]]:
    """As they would be drawn now, each trained with every schedule."""
    rungs = [{"epochs": epochs, "score": 0.5} for epochs in ELPV.rungs]
    return [{"setting": setting, "rungs": rungs} for setting in screening.settings(ELPV, method)]


def test_the_best_rivals_are_confirmed_besides_those_that_always_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "is_stored", lambda *_: True)
    scores = dict.fromkeys(METHODS, 0.5) | {"dist": 0.7, "crd": 0.8, "at": 0.6, "dfpt_kd_dkd": 0.9}
    for method, score in scores.items():
        screened(tmp_path, method, score=score, trials=trials_of(method))
    chosen = confirmation.confirmed(ELPV, tmp_path)
    assert chosen == ("plain", "kd", "dist", "crd", "dfpt_kd", "dfpt_kd_plus")
    screened(tmp_path, "dkd", trials=trials_of("dkd")[:-1])
    with pytest.raises(UsageError, match="dkd has not been screened as it is now"):
        confirmation.confirmed(ELPV, tmp_path)
    screened(tmp_path, "dkd", trials=trials_of("dkd"))
    (tmp_path / "screened" / "dtkd.json").unlink()
    with pytest.raises(UsageError, match="dtkd has not been screened"):
        confirmation.confirmed(ELPV, tmp_path)


def test_every_method_has_the_same_twenty_four_cells_and_the_blocks() -> None:
    plan = confirmation.plan(ELPV, ("kd", "dfpt_kd"))
    assert len(set(plan)) == len(plan) == 2 * (24 + 2)
    ours, theirs = (
        {(cell.partition, cell.fold, cell.seed) for cell in plan if cell.method == method}
        for method in ("dfpt_kd", "kd")
    )
    assert ours == theirs
    assert {plan[0].method, plan[1].method} == {"kd", "dfpt_kd"}, "the first pair is whole after two cells"


@pytest.mark.parametrize("text", ["kd", "kd:4201:0", "kd:4201:0:x", "kdd:4201:0:0", "kd:8:0:0", "kd:4201:0:0:0"])
def test_a_cell_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        cells.parse(text, ELPV)


def test_a_cell_is_read_as_it_is_written() -> None:
    for cell in (Cell("dfpt_kd_plus", 4203, 3, 1), Cell("kd", cells.BLOCK, 0, 0)):
        assert cells.parse(str(cell), ELPV) == cell


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_is_ours_with_something_changed_that_was_not_searched(name: str) -> None:
    setting = METHODS[BASE].defaults
    ours, changed = (cells.configured(ELPV, Cell(method, 7, 0, 0), setting, 60) for method in (BASE, name))
    keys = {key for key, value in ABLATIONS[name].fixed.items() if METHODS[BASE].fixed.get(key) != value}
    of_another = ("affine_map_faster", "own_stages_teachers_statistics")  # these change affine_map and own_stages
    assert len(keys) == (2 if name in of_another else 1)
    assert not keys & setting.keys()
    assert ours != changed
    assert ours.student == changed.student


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


def test_a_screen_with_other_trials_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, "screened", Cell("kd", 7, 0, 0), said([0], [0]))
    monkeypatch.setattr(screening, "_rung", lambda *_: pytest.fail("searched again"))
    monkeypatch.setattr(cells, "is_stored", lambda *_: True)

    def search(suite: Suite) -> None:
        screened(tmp_path, "kd", trials=trials_of("kd"))
        screening.search(suite, "kd", tmp_path, tmp_path)

    search(ELPV)
    for other in ({"trials": 7}, {"rungs": (4, 8)}, {"rungs": (16,)}):
        with pytest.raises(pytest.fail.Exception, match="searched again"):
            search(dataclasses.replace(ELPV, **other))


@pytest.mark.parametrize("name", SUITES)
def test_the_quick_form_is_a_valid_configuration_of_smaller_images(name: str) -> None:
    long, short = (
        cells.configured(suite, Cell("dfpt_kd", suite.development, 0, 0), {}, suite.epochs)
        for suite in (SUITES[name], quick(SUITES[name]))
    )
    assert short.student.recipe.epochs < long.student.recipe.epochs
    for image_size in ("data", "teacher", "student"):
        assert getattr(short, image_size).image_size <= getattr(long, image_size).image_size


def test_the_quick_form_waits_for_no_lock_of_the_long_one(tmp_path: Path) -> None:
    assert cells.locks(quick(ELPV), "screened", tmp_path) != cells.locks(ELPV, "screened", tmp_path)


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


def test_a_suite_of_one_question_asks_that_alone(tmp_path: Path) -> None:
    from dfpt.bench.distill import ablate, sweep

    suite, out = SUITES["elpv-binary"], tmp_path / "out"
    assert [screening.settings(suite, method) for method in suite.methods] == [
        [METHODS[method].defaults] for method in suite.methods
    ]
    for tier in (ablate, sweep):
        tier(suite, out, tmp_path / "home", lambda done, total, next_: pytest.fail(next_))
    assert not out.exists()


def test_the_whole_road_on_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tier and the summary; a second call computes nothing; a cell computed again gives the same answers."""
    from dfpt.bench.distill import ablate, confirm, screen, sweep

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
