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
from dfpt.datasets import load, manifest
from dfpt.errors import DataRefused, UsageError
from dfpt.steps import prepare, validate
from tests.unit.datasets.pictures import fill, truncate


class Folder:
    """A folder of images on its way through prepare and validate."""

    def __init__(self, place: Path) -> None:
        self.raw, self.dataset, self.validation = place / "raw", place / "dataset", place / "validation"
        self.context = Context(place, place)

    def prepare(self, **settings: Any) -> Folder:
        data = Data(source=f"folder:{self.raw}", image_size=16, **settings)
        prepare.run({}, {"dataset": self.dataset}, PrepareConfig(seed=0, data=data), self.context)
        return self

    def validate(self, **settings: Any) -> dict[str, float]:
        config = ValidateConfig(validation=Validation(**settings))
        return validate.run({"dataset": self.dataset}, {"validation": self.validation}, config, self.context)

    def refused(self, **settings: Any) -> str:
        """The message; the report must be there all the same."""
        with pytest.raises(DataRefused) as raised:
            self.validate(**settings)
        assert self.report()["passed"] is False
        assert "Refused" in (self.validation / "validation.html").read_text()
        assert (self.validation / "rejected.csv").is_file()
        assert raised.value.remedy
        return raised.value.message

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.validation / "validation.json").read_text())
        return report

    def failed(self) -> dict[str, str]:
        """Name -> severity of the checks that failed."""
        return {check["name"]: check["severity"] for check in self.report()["expectations"] if not check["passed"]}

    def change(self, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        manifest.write(edit(manifest.read(self.dataset)), self.dataset)


@pytest.fixture
def data(tmp_path: Path) -> Folder:
    """Two classes of 40 images: nothing is wrong with them."""
    for label in ("good", "scratch"):
        fill(tmp_path / "raw" / label, 40)
    return Folder(tmp_path)


def test_sound_data_passes_and_can_be_loaded(data: Folder) -> None:
    metrics = data.prepare().validate()
    assert metrics == {
        "images": 80, "accepted": 80, "rejected": 0, "quarantined": 0, "refused": 0, "suspicious": 0, "warnings": 0,
        "train": 48, "val": 12, "test": 20,
    }  # fmt: skip
    images = load(data.dataset, data.validation)
    rows = np.concatenate([images.rows(split) for split in ("train", "val", "test")])
    assert sorted(rows) == list(range(80))
    assert [images.task.classes[label] for label in images.labels("test")] == ["good"] * 10 + ["scratch"] * 10
    assert isinstance(images.images, np.memmap)
    assert images.images.shape == (80, 16, 16, 1)


def test_a_truncated_image_is_rejected_and_the_rows_still_point_to_their_pixels(data: Folder) -> None:
    truncate(data.raw / "good" / "003.png")
    metrics = data.prepare().validate(max_rejected=0.02)
    assert (metrics["accepted"], metrics["quarantined"], metrics["refused"]) == (79, 1, 0)
    rejected = pd.read_csv(data.validation / "rejected.csv")
    assert rejected.to_dict("records") == [
        {"id": "good/003.png", "path": "good/003.png", "reason": "image file is truncated"}
    ]
    images = load(data.dataset, data.validation)
    assert 3 not in images.manifest["row"].to_numpy()
    for _, row in images.manifest.iterrows():
        assert images.images[row["row"]].mean() / 255 == pytest.approx(row["mean"])
    assert "good/003.png" in (data.validation / "validation.html").read_text()


def test_too_many_unreadable_images_are_refused(data: Folder) -> None:
    truncate(data.raw / "good" / "003.png")
    message = data.prepare().refused(max_rejected=0.01)
    assert "cannot be read: good/003.png" in message
    assert data.failed() == {"readable images": "critical"}


def test_a_leak_across_splits_is_refused_and_both_files_are_named(tmp_path: Path) -> None:
    data = Folder(tmp_path)
    for split in ("train", "val", "test"):
        for label in ("good", "scratch"):
            fill(data.raw / split / label, 6)
    shutil.copy(data.raw / "train" / "good" / "000.png", data.raw / "test" / "good" / "copy.png")
    message = data.prepare().refused()
    assert "the same image in more than one split: test/good/copy.png, train/good/000.png" in message
    assert data.failed() == {"no leak": "critical"}


@pytest.mark.parametrize("leak", [True, False])
def test_a_group_in_two_splits_of_a_list_is_refused(data: Folder, leak: bool) -> None:
    ids = [f"{label}/{number:03d}.png" for label in ("good", "scratch") for number in range(40)]
    split = [("train", "train", "val", "test")[index % 4] for index in range(80)]
    group = [f"day-{index % 8}" for index in range(80)]
    if leak:
        split[0] = "test"
    for name, values in (("split", split), ("group", group)):
        pd.DataFrame({"id": ids, name: values}).to_csv(data.raw.parent / f"{name}.csv", index=False)
    data.prepare(split="ids", ids=f"{data.raw.parent}/split.csv", group={"file": f"{data.raw.parent}/group.csv"})
    if leak:
        assert "images of one group in more than one split: good/000.png, good/008.png" in data.refused()
    else:
        data.validate()


def test_copies_inside_a_split_are_a_warning(data: Folder) -> None:
    shutil.copy(data.raw / "good" / "000.png", data.raw / "good" / "copy.png")
    assert data.prepare().validate()["warnings"] == 1
    assert data.failed() == {"no copies": "warning"}


def test_one_image_under_two_labels_is_a_warning(data: Folder) -> None:
    shutil.copy(data.raw / "good" / "000.png", data.raw / "scratch" / "copy.png")
    data.prepare().validate()
    assert data.failed() == {"no copies": "warning", "no contradiction": "warning"}


def test_an_empty_class_is_refused_by_name(data: Folder) -> None:
    (data.raw / "crack").mkdir()
    assert "fewer than 5 images of a class: 'crack' in train (0)" in data.prepare().refused()
    assert data.report()["counts"]["crack"] == {"train": 0, "val": 0, "test": 0}


def test_a_class_floor_holds_in_every_split(data: Folder) -> None:
    data.prepare()
    assert "'good' in val (6)" in data.refused(min_per_class=7)
    data.validate(min_per_class=6)


def test_two_images_are_refused(tmp_path: Path) -> None:
    data = Folder(tmp_path)
    for label in ("good", "scratch"):
        fill(data.raw / label, 1)
    assert "fewer than 5 images of a class: 'good' in val (0)" in data.prepare().refused()


@pytest.mark.parametrize("images", [0, 2])
def test_a_folder_without_class_folders_is_refused(tmp_path: Path, images: int) -> None:
    data = Folder(tmp_path)
    fill(data.raw, images)
    assert "the data has 0 classes" in data.prepare().refused()


def test_a_single_class_is_refused(tmp_path: Path) -> None:
    data = Folder(tmp_path)
    fill(data.raw / "good", 40)
    assert "the data has 1 class" in data.prepare().refused()


def test_a_label_outside_the_set_is_refused(data: Folder) -> None:
    data.prepare().change(lambda table: table.assign(label_name=["rust", *table["label_name"][1:]]))
    assert "labels outside the set of classes: rust" in data.refused()
    assert "label 'rust' is no class" in (data.validation / "rejected.csv").read_text()


def test_a_label_number_that_is_not_that_of_its_name_is_refused(data: Folder) -> None:
    data.prepare().change(lambda table: table.assign(label=[1, *table["label"][1:]]))
    assert "label and label_name disagree: good/000.png" in data.refused()


def test_an_unknown_split_is_refused(data: Folder) -> None:
    data.prepare().change(lambda table: table.assign(split=["holdout", *table["split"][1:]]))
    assert "splits that are none: good/000.png" in data.refused()


def test_a_missing_column_is_refused_by_name(data: Folder) -> None:
    data.prepare().change(lambda table: table.drop(columns=["width"]))
    assert "the manifest lacks columns: width" in data.refused()


@pytest.mark.parametrize(
    ("pixels", "warned"),
    [
        (np.full((16, 24), 252, np.uint8) + np.eye(16, 24, dtype=np.uint8), {"exposure"}),
        (np.tile(np.arange(0, 250, 4, np.uint8), (16, 1)), {"shape", "size"}),
        (np.arange(36, dtype=np.uint8).reshape(6, 6) * 7, {"sides", "size"}),
    ],
    ids=["white", "long", "tiny"],
)
def test_odd_images_are_warnings(data: Folder, pixels: np.ndarray, warned: set[str]) -> None:
    Image.fromarray(pixels).save(data.raw / "good" / "odd.png")
    assert data.prepare().validate()["accepted"] == 81
    outliers = {"brightness", "contrast", "sharpness"}  # noise is what the other images are
    assert {name for name in data.failed() if name not in outliers} == warned
    assert set(data.failed().values()) == {"warning"}
    assert all(check["examples"] == ["good/odd.png"] for check in data.report()["expectations"] if not check["passed"])


def test_the_page_stands_alone_and_escapes_names(data: Folder) -> None:
    (data.raw / "good").rename(data.raw / "<b>good")
    data.prepare().validate()
    page = (data.validation / "validation.html").read_text()
    assert "<b>good" not in page
    assert "&lt;b&gt;good" in page
    assert all(link.startswith("data:image/png;base64,") for link in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert not re.search(r"src=[^\"]|href|url\(|@import|<script|https?:", page)
    assert 'lang="en"' in page
    assert page.count("<caption>") == page.count("<table>")
    assert page.count("<img") == page.count('alt="An image of class') == 2


def test_a_data_set_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"task\.json is missing"):
        Folder(tmp_path).validate()


def test_pixels_cut_off_are_wrong_usage(data: Folder) -> None:
    data.prepare()
    truncate(data.dataset / "images.npy")
    with pytest.raises(UsageError, match=r"images\.npy is missing or damaged"):
        data.validate()
