"""``dfpt data drift`` from the command line to the page and the exit code."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFilter
from typer.testing import CliRunner, Result

from dfpt import models
from dfpt.cli.data import app
from dfpt.config import Data, PrepareConfig
from dfpt.context import Context
from dfpt.datasets import digits, sample
from dfpt.errors import EXIT_REFUSED, DataDrifted, UsageError
from dfpt.models.backbone import count_parameters
from dfpt.steps import prepare

pytest_plugins = "tests.mlflow_home"

SIZE = ["--set", "data.image_size=16"]


def call(home: Path, reference: str, current: str, *more: str) -> Result:
    command = ["drift", "--reference", reference, "--current", current, "--home", str(home), *SIZE, *more]
    return CliRunner().invoke(app, command)


@pytest.fixture
def version(home: Path) -> str:
    """The digits as a run leaves them in ``home``; the data version."""
    dataset = home / "pipeline" / "run-1" / "prepare" / "dataset"
    config = PrepareConfig(seed=0, data=Data(source="digits", image_size=16))
    prepare.run({}, {"dataset": dataset}, config, Context(home=home, checkpoints=home))
    return sample.load(dataset).task.data_hash


@pytest.fixture
def candidate(home: Path, version: str, make_bundle: Callable[..., Any]) -> None:
    """A student of that data version, registered as digits/1."""
    from dfpt.registry import candidates
    from dfpt.registry.actor import Actor
    from dfpt.registry.handle import open_registry
    from dfpt.tracking import store

    model = models.create("tiny_20k", 10, 1, 16)
    classes = tuple(str(digit) for digit in range(10))
    folder = home / "student"
    models.save(model, models.ModelSpec("tiny_20k", 1, 16, 0.3, 0.3, classes, count_parameters(model)), folder)
    bundle = make_bundle()
    bundle = dataclasses.replace(bundle, student=folder, report=bundle.report | {"data_hash": version})
    registry = open_registry(home)
    run = registry.client.create_run(store.ensure(home, "digits"))
    registered = candidates.register(registry, "digits", bundle, run.info.run_id)
    candidates.request(registry, registered, Actor("ada", "account"))


@pytest.fixture
def blurred(tmp_path: Path) -> str:
    import io

    folder = tmp_path / "today"
    folder.mkdir()
    for number, item in enumerate(digits.source().items[:60]):
        Image.open(io.BytesIO(item.read())).filter(ImageFilter.GaussianBlur(1)).save(folder / f"{number}.png")
    (folder / "60.png").write_bytes(b"no image")
    return f"folder:{folder}"


def test_the_same_images_are_no_drift_without_a_model(home: Path, version: str) -> None:
    done = call(home, version[:12], "digits")
    assert done.exit_code == 0, done.output
    assert "No model is registered: image statistics alone" in done.stdout
    assert "1797 against 1797 images: no drift (p = 1.000)" in done.stdout
    html = (home / "data" / "drift" / "drift.html").read_text()
    assert "image statistics alone were compared" in html
    assert "Current images that are least like" not in html


@pytest.mark.usefixtures("candidate")
def test_blurred_images_are_drift_by_the_candidate_too(home: Path, version: str, blurred: str, tmp_path: Path) -> None:
    done = call(home, version, blurred, "--json", "--out", str(tmp_path / "out"))
    assert isinstance(done.exception, DataDrifted)
    assert done.exception.exit_code == EXIT_REFUSED
    report = json.loads(done.stdout)
    assert report["drifted"] is True
    assert report["student"]["model"] == "digits/1 (candidate)"
    assert report["student"]["trained_on_reference"] is True
    assert (report["current"]["compared"], report["current"]["unreadable"]) == (60, 1)
    assert report["features"][0]["name"] in done.exception.message
    stored = json.loads((tmp_path / "out" / "drift.json").read_text())
    assert stored | {"page": report["page"]} == report
    html = Path(report["page"]).read_text()
    assert "<strong>Drift.</strong>" in html
    assert html.count('src="data:image/png') == 12


def test_the_tolerance_lets_a_difference_pass(home: Path, version: str, tmp_path: Path) -> None:
    (tmp_path / "ones").mkdir()
    ones = [item for item in digits.source().items if item.label_name == "1"]
    for number, item in enumerate(ones):
        (tmp_path / "ones" / f"{number}.png").write_bytes(item.read())
    done = call(home, version, f"folder:{tmp_path / 'ones'}", "--tolerance", "0.9")
    assert done.exit_code == 0, done.output
    assert "different, within tolerance" in done.stdout
    assert isinstance(call(home, version, f"folder:{tmp_path / 'ones'}").exception, DataDrifted)


def test_a_source_may_be_the_reference(home: Path, blurred: str) -> None:
    done = call(home, "digits", blurred)
    assert isinstance(done.exception, DataDrifted)
    assert "have drifted away from digits" in done.exception.message


@pytest.mark.parametrize(("reference", "said"), [("0123abcd", "is not in"), ("nothing", "Unknown data source")])
def test_an_unknown_reference_is_wrong_usage(home: Path, reference: str, said: str) -> None:
    done = call(home, reference, "digits")
    assert isinstance(done.exception, UsageError)
    assert said in done.exception.message


def test_an_unknown_key_is_named_before_any_work(home: Path) -> None:
    done = call(home, "digits", "digits", "--set", "data.sauce=1")
    assert isinstance(done.exception, UsageError)
    assert "sauce" in done.exception.message
