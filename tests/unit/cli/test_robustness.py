"""``dfpt model robustness``: real networks of several runs, found by the notes that the runs have left."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from dfpt import config as configuration
from dfpt import models
from dfpt.cli.model import app
from dfpt.datasets import Task, manifest
from dfpt.errors import DfptError, UsageError
from dfpt.registry.errors import NotFound
from dfpt.runtime import record

if TYPE_CHECKING:
    from tests.inspection import Inspection

pytest_plugins = "tests.mlflow_home"


def call(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["robustness", *arguments, "--home", str(home)])


def refusal(done: Result) -> str:
    assert isinstance(done.exception, DfptError), done.output
    return str(done.exception)


def run(home: Path, name: str, folders: dict[str, Path], *settings: str, cached: bool = False) -> Path:
    """What dfpt run leaves: its configuration, and the notes of the steps that were executed."""
    folder = home / "runs" / name
    folder.mkdir(parents=True)
    resolved = configuration.resolve(None, "smoke", ["data.source=digits", *settings])
    (folder / "config.yaml").write_text(configuration.dump(resolved))
    evaluation = {"evaluation": home / "evaluations" / folders["student"].name}
    if not cached:
        record.write(folder, record.Executed("evaluate", 1.0, 1, folders, evaluation, folder / "metrics"))
    data = {key: folders[key] for key in ("dataset", "validation")}
    record.write(folder, record.Executed("gate", 1.0, 1, data | evaluation, {}, folder / "metrics"))
    return folder


@pytest.fixture
def folders(inspection: Inspection) -> dict[str, Path]:
    return inspection.inputs(teacher=inspection.good, baseline=inspection.poor, student=inspection.good)


@pytest.fixture
def two_runs(home: Path, folders: dict[str, Path]) -> Path:
    run(home, "one", folders)
    run(home, "two", folders | {"student": folders["baseline"]}, "distillation.method=kd")
    return home


def other_version(inspection: Inspection, place: Path, moved: int) -> dict[str, Path]:
    """A data version, prepared and validated, in which the first ``moved`` test images are training images."""
    data = {}
    for name, folder in (("dataset", inspection.dataset), ("validation", inspection.validation)):
        data[name] = place / name
        shutil.copytree(folder, data[name])
        table = manifest.read(folder)
        table.loc[table.index[table["split"] == "test"][:moved], "split"] = "train"
        manifest.write(table, data[name])
    table = manifest.read(data["dataset"])
    dataclasses.replace(Task.load(inspection.dataset), data_hash=manifest.data_hash(table)).save(data["dataset"])
    return data


def test_the_students_of_two_runs_stand_beside_their_teacher_and_baseline(
    two_runs: Path, inspection: Inspection
) -> None:
    done = call(two_runs, "one", "two", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [one["name"] for one in found["networks"]] == ["dfpt-kd", "kd", "baseline", "teacher"]
    assert [one["origin"] for one in found["networks"]][1:3] == ["student of run two", "baseline of run one"]
    assert json.loads((two_runs / "data/robustness/robustness.json").read_text()) | {"page": found["page"]} == found
    own = json.loads((inspection.evaluation / "report.json").read_text())["robustness"]
    names = {"teacher": "teacher", "baseline": "baseline", "student": "dfpt-kd"}
    for theirs, ours in names.items():
        assert own["clean"][theirs] == found["suite"]["clean"][ours]
        assert own["mean"][theirs] == found["suite"]["mean"][ours]
        for kind, strengths in own["corrupted"].items():
            rates = [found["suite"]["corrupted"][kind][strength][ours] for strength in strengths]
            assert rates == [at[theirs] for at in strengths.values()]


def test_differences_are_taken_image_by_image_and_every_rate_lies_in_its_interval(two_runs: Path) -> None:
    found = json.loads(call(two_runs, "one", "two", "--json").stdout)
    networks = {one["name"]: one for one in found["networks"]}
    assert found["reference"] == "baseline"
    assert networks["baseline"]["difference"] is None
    assert networks["kd"]["difference"] == {"value": 0, "low": 0, "high": 0}  # the same network
    gain = networks["dfpt-kd"]["difference"]
    assert gain["value"] == pytest.approx(found["suite"]["mean"]["dfpt-kd"] - found["suite"]["mean"]["baseline"])
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    for kind, strengths in found["intervals"]["corrupted"].items():
        for strength, at in strengths.items():
            for name, ends in at.items():
                assert ends["low"] <= ends["value"] <= ends["high"]
                assert ends["value"] == pytest.approx(found["suite"]["corrupted"][kind][strength][name])


def test_the_page_needs_nothing_from_outside_and_draws_every_network_under_every_corruption(two_runs: Path) -> None:
    done = call(two_runs, "one", "two")
    assert "mean of all" in done.stdout
    assert "30 of 30 test images of made-up." in done.stdout
    html = (two_runs / "data/robustness/robustness.html").read_text()
    assert not re.search(r"url\(|@import|https?:|<script|<link|<img", html)
    assert html.count('aria-label="Accuracy under') == 6
    for number in range(4):
        assert html.count(f'class="line-{number}"') == html.count(f'class="band-{number}"') == 6
    assert "all were trained on data version" in html


def test_teachers_that_differ_are_told_apart(home: Path, folders: dict[str, Path]) -> None:
    run(home, "one", folders)
    run(home, "two", folders | {"teacher": folders["baseline"]})
    found = json.loads(call(home, "first=one", "second=two", "--images", "7", "--json").stdout)
    names = [one["name"] for one in found["networks"]]
    assert names == ["first", "second", "baseline", "teacher of first", "teacher of second"]
    assert found["suite"]["images"] == 7


def test_a_run_that_took_its_evaluation_from_another_has_its_networks(home: Path, folders: dict[str, Path]) -> None:
    run(home, "first", folders)
    run(home, "again", folders, cached=True)
    found = json.loads(call(home, str(home / "runs/again"), "--json").stdout)
    assert found["networks"][0]["origin"] == "student of run again"


def test_a_network_of_other_data_is_refused_with_both_sides_and_what_it_has_learnt_from(
    home: Path, folders: dict[str, Path], inspection: Inspection
) -> None:
    run(home, "one", folders)
    other = other_version(inspection, home / "pipeline" / "two" / "prepare", moved=12)
    run(home, "two", folders | other, "distillation.method=kd")
    said = refusal(call(home, "one", "two"))
    assert "dfpt-kd (student of run one) and kd (student of run two)" in said
    ours, theirs = (Task.load(folder).data_hash[:12] for folder in (inspection.dataset, other["dataset"]))
    assert f"{ours} and {theirs}. kd has learnt from 12 of the 30 test images." in said
    shutil.rmtree(other["validation"])  # and of a run that is no run of this state folder
    shutil.move(other["dataset"], home / "elsewhere")
    assert "What the run two made is gone" in refusal(call(home, "one", "two"))


def test_a_network_whose_data_are_not_here_is_refused_too(
    home: Path, folders: dict[str, Path], inspection: Inspection
) -> None:
    run(home, "one", folders)
    network, spec = models.load(inspection.good)
    models.save(network, dataclasses.replace(spec, data_hash="f" * 64), home / "theirs")
    said = refusal(call(home, "one", str(home / "theirs")))
    assert "and ffffffffffff. Whether theirs has learnt from the test images cannot be known" in said


def test_a_folder_that_says_what_it_was_trained_on_needs_no_run_and_one_that_does_not_is_refused(
    home: Path, folders: dict[str, Path], inspection: Inspection
) -> None:
    network, spec = models.load(inspection.good)
    known = dataclasses.replace(spec, data_hash=Task.load(inspection.dataset).data_hash)
    models.save(network, known, home / "known")
    models.save(network, spec, home / "unknown")
    known_folder, unknown = str(home / "known"), str(home / "unknown")
    assert "No run in" in refusal(call(home, known_folder, f"same={known_folder}"))
    run(home, "one", folders)
    found = json.loads(call(home, known_folder, f"same={known_folder}", "--json").stdout)
    assert (found["reference"], found["suite"]["images"]) == ("known", 30)
    said = refusal(call(home, "one", f"copy={unknown}"))
    assert f"copy ({unknown}) does not say which data it was trained on" in said
    assert "dfpt-kd (student of run one) is measured on" in said


def test_a_teacher_from_elsewhere_may_have_seen_the_test_images(home: Path, folders: dict[str, Path]) -> None:
    run(home, "one", folders, "teacher.weights=file:/elsewhere/teacher.safetensors")
    assert "teacher (teacher of run one) does not say which data" in refusal(call(home, "one"))


def test_runs_that_accepted_other_images_of_one_version_are_not_compared(
    home: Path, folders: dict[str, Path], tmp_path: Path
) -> None:
    table: pd.DataFrame = manifest.read(folders["validation"])
    (tmp_path / "stricter").mkdir()
    manifest.write(table.drop(index=table.index[:9]), tmp_path / "stricter")
    run(home, "one", folders)
    run(home, "two", folders | {"validation": tmp_path / "stricter"}, "distillation.method=kd")
    assert "accepted other images of the same data version: 119 and 110" in refusal(call(home, "one", "two"))


def test_a_registered_version_is_verified_and_its_data_known(
    home: Path, folders: dict[str, Path], inspection: Inspection, make_bundle: Callable[..., Any]
) -> None:
    from dfpt.registry import candidates
    from dfpt.registry.handle import open_registry
    from dfpt.tracking import store

    run(home, "one", folders)
    bundle = make_bundle()
    report = bundle.report | {"data_hash": Task.load(inspection.dataset).data_hash}
    registry = open_registry(home)
    mlflow_run = registry.client.create_run(store.ensure(home, "parts")).info.run_id
    version = candidates.register(
        registry, "parts", dataclasses.replace(bundle, student=inspection.poor, report=report), mlflow_run
    )
    found = json.loads(call(home, "one", "parts/1", "--json").stdout)
    assert [one["name"] for one in found["networks"]] == ["dfpt-kd", "parts/1", "baseline", "teacher"]
    assert found["suite"]["mean"]["parts/1"] == found["suite"]["mean"]["baseline"]
    assert isinstance(call(home, "one", "parts/2").exception, NotFound)
    weights = Path(str(version.source).removeprefix("file://")) / "student" / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")
    assert "parts/1" in refusal(call(home, "one", "parts/1"))


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (["nothing"], "nothing is no run, no registered NAME/VERSION and no folder with model.json"),
        (["one", "one"], "Two networks are named dfpt-kd"),
        ([f"n{number}=one" for number in range(7)], "9 networks cannot be compared"),
        (["one", "broken"], "The run broken has evaluated no networks"),
    ],
)
def test_what_cannot_be_compared_is_named(two_runs: Path, named: list[str], said: str) -> None:
    broken = two_runs / "runs" / "broken"
    broken.mkdir()
    (broken / "config.yaml").write_text("{}")
    done = call(two_runs, *named)
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
