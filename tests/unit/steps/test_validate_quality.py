"""What validate sees beyond the manifest: near duplicates, outliers, suspected labels, the version before."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dfpt.config import Data, PrepareConfig, ValidateConfig, Validation
from dfpt.context import Context
from dfpt.datasets import load, quarantine
from dfpt.errors import UsageError
from dfpt.steps import prepare, validate


class Line:
    """A folder of inspection images with real structure, on its way through prepare and validate."""

    def __init__(self, place: Path) -> None:
        self.raw, self.home, self.validation = place / "raw", place / "home", place / "validation"
        self.place, self.source = place, f"folder:{place / 'raw'}"

    def fill(self, split: str, images: int = 30) -> None:
        for label in ("good", "scratch"):
            for number in range(images):
                self.write(f"{split}/{label}/{number:03d}.png", part(label, split, number))

    def write(self, path: str, pixels: np.ndarray) -> None:
        (self.raw / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(self.raw / path)

    def run(self, **settings: Any) -> dict[str, float]:
        context, dataset = Context(self.home, self.place), self.place / "dataset"
        preparing = PrepareConfig(seed=0, data=Data(source=self.source, image_size=32))
        prepare.run({}, {"dataset": dataset}, preparing, context)
        config = ValidateConfig(validation=Validation(**settings))
        return validate.run({"dataset": dataset}, {"validation": self.validation}, config, context)

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.validation / "validation.json").read_text())
        return report

    def found(self, check: str) -> str:
        return next(str(one["found"]) for one in self.report()["expectations"] if one["name"] == check)

    def suite(self, change: Callable[[dict[str, Any]], dict[str, Any]], check: str) -> str:
        """The default suite with one check changed, as a file."""
        own = next(
            item
            for item in json.loads((Path(validate.__file__).parents[1] / "suites/default.json").read_text())[
                "expectations"
            ]
            if item["meta"]["check"] == check
        )
        path = self.place / "own.json"
        path.write_text(json.dumps({"name": "own", "expectations": [change(own)], "meta": {"extends": "default"}}))
        return str(path)


def part(label: str, split: str, number: int, seed: int = 0) -> np.ndarray:
    """A grey plate with stains; on a scratched one there is a bright line across."""
    random = np.random.default_rng([seed, number, len(label), *split.encode()])
    stains = Image.fromarray(random.integers(60, 160, (16, 16), np.uint8)).resize((48, 48))
    pixels = np.asarray(stains).copy()
    if label == "scratch":
        top = int(random.integers(8, 40))
        pixels[top : top + 3, 4:44] = 250
    return pixels


@pytest.fixture
def line(tmp_path: Path) -> Line:
    line = Line(tmp_path)
    for split in ("train", "val", "test"):
        line.fill(split)
    return line


def brighter(path: Path) -> np.ndarray:
    return (np.asarray(Image.open(path)) * 1.03).clip(0, 255).astype(np.uint8)


def test_a_near_copy_in_another_split_is_named_with_the_image_that_it_is_like(line: Line) -> None:
    line.write("train/good/copy.png", brighter(line.raw / "test/good/003.png"))
    metrics = line.run()
    assert (metrics["accepted"], metrics["suspicious"]) == (181, 1)
    assert line.found("no near leak") == (
        "images nearly the same as one of val or test: train/good/copy.png (test/good/003.png)"
    )
    rows = pd.read_csv(line.validation / "suspicious.csv").to_dict("records")
    assert rows == [{"id": "train/good/copy.png", "check": "no near leak", "found": "test/good/003.png"}]
    page = (line.validation / "validation.html").read_text()
    assert 'alt="Image train/good/copy.png"' in page
    assert 'alt="Image test/good/003.png"' in page


def test_severity_quarantine_keeps_the_rows_out_and_what_a_person_releases_comes_back(line: Line) -> None:
    line.write("train/good/copy.png", brighter(line.raw / "test/good/003.png"))
    suite = line.suite(lambda item: item | {"severity": "quarantine"}, "no near leak")
    metrics = line.run(suite=suite)
    assert (metrics["accepted"], metrics["quarantined"], metrics["suspicious"]) == (180, 1, 0)
    trained = load(line.place / "dataset", line.validation).manifest["path"]
    assert "train/good/copy.png" not in set(trained)
    assert "test/good/003.png" in set(trained)
    (entry,) = quarantine.entries(line.home)
    assert entry.reason == "no near leak: images nearly the same as one of val or test"
    assert (line.home / "quarantine" / f"{entry.key}.image").read_bytes() == (
        line.raw / "train/good/copy.png"
    ).read_bytes()
    quarantine.release(line.home, entry.key, "kim", "another part, by the serial number")
    metrics = line.run(suite=suite)
    assert (metrics["accepted"], metrics["quarantined"]) == (181, 0)


def test_severity_critical_refuses_what_was_a_warning(line: Line) -> None:
    line.write("train/good/copy.png", brighter(line.raw / "test/good/003.png"))
    with pytest.raises(Exception, match="not fit to train on: images nearly the same as one of val or test"):
        line.run(suite=line.suite(lambda item: item | {"severity": "critical"}, "no near leak"))
    assert line.report()["passed"] is False


def test_an_image_without_content_is_in_quarantine_and_on_the_sheet(line: Line) -> None:
    line.write("train/good/dark.png", np.full((48, 48), 17, np.uint8))
    metrics = line.run()
    assert (metrics["images"], metrics["accepted"], metrics["quarantined"], metrics["refused"]) == (181, 180, 1, 0)
    rejected = pd.read_csv(line.validation / "rejected.csv").to_dict("records")
    assert [row["path"] for row in rejected] == ["train/good/dark.png"]
    assert "not constant" in rejected[0]["reason"]
    assert 'alt="Image train/good/dark.png"' in (line.validation / "validation.html").read_text()


def test_what_is_in_quarantine_is_kept_even_when_the_source_is_gone_by_then(line: Line) -> None:
    line.write("train/good/dark.png", np.full((48, 48), 17, np.uint8))
    context, dataset = Context(line.home, line.place), line.place / "dataset"
    data = Data(source=line.source, image_size=32)
    prepare.run({}, {"dataset": dataset}, PrepareConfig(seed=0, data=data), context)
    shutil.rmtree(line.raw)
    config = ValidateConfig(validation=Validation())
    validate.run({"dataset": dataset}, {"validation": line.validation}, config, context)
    (entry,) = quarantine.entries(line.home)
    with Image.open(line.home / "quarantine" / f"{entry.key}.image") as image:
        assert (image.size, image.getextrema()) == ((32, 32), (17, 17))


def test_an_image_unlike_the_others_in_light_or_sharpness_is_a_warning(line: Line) -> None:
    flat = np.linspace(200, 240, 48).astype(np.uint8)
    line.write("train/good/glare.png", np.tile(flat, (48, 1)))
    line.run()
    assert line.found("sharpness").endswith(": train/good/glare.png")
    assert line.found("brightness").endswith(": train/good/glare.png")


def test_labels_that_the_images_contradict_are_named_and_stay(line: Line) -> None:
    line.fill("train", 80)
    swapped = [f"train/{label}/{number:03d}.png" for label in ("good", "scratch") for number in (5, 6, 7)]
    for number in (5, 6, 7):
        first, second = (line.raw / f"train/{label}/{number:03d}.png" for label in ("good", "scratch"))
        content = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(content)
    metrics = line.run()
    assert metrics["accepted"] == metrics["images"]
    suspicious = pd.read_csv(line.validation / "suspicious.csv")
    named = suspicious[suspicious["check"] == "labels agree with the images"]
    assert set(named["id"]) <= set(swapped)
    assert len(named) >= 4
    assert named["found"].str.contains("good, rather scratch|scratch, rather good").all()
    assert re.fullmatch(r"a simple model agrees with \d+% of 280 labels", line.report()["labels"])
    line.run(label_errors=False)
    assert line.report()["labels"] == "not looked at"


def test_a_version_is_held_against_the_one_before_it(line: Line) -> None:
    line.run()
    first = line.report()
    assert first["version_before"] is None
    for number in range(30, 120):
        line.write(f"train/good/{number:03d}.png", (part("good", "train", number) * 0.7).astype(np.uint8))
    line.run()
    assert line.report()["version_before"] == first["data_hash"]
    assert "'good' (50.0%, now 66.7%)" in line.found("class shares as before")
    assert "brightness (median " in line.found("images as before")
    assert line.report()["passed"] is True
    line.run()
    assert line.report()["version_before"] == first["data_hash"]  # the same data again is the same version


def test_great_expectations_own_pages_are_an_option(line: Line) -> None:
    line.run()
    assert not (line.validation / "data_docs").exists()
    line.run(data_docs=True)
    assert {path.name for path in (line.validation / "data_docs").iterdir()} >= {"accepted.html", "manifest.html"}


def test_a_suite_that_asks_for_what_is_not_there_is_named(line: Line) -> None:
    suite = line.suite(lambda item: item | {"kwargs": {"column": "colour"}}, "no near leak")
    text = Path(suite).read_text().replace('"optional": true', '"optional": false')
    Path(suite).write_text(text)
    with pytest.raises(UsageError, match=r"'no near leak' .* cannot be asked: accepted has no column 'colour'"):
        line.run(suite=suite)
