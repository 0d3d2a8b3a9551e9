from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dfpt import files
from dfpt.config import Data, PrepareConfig
from dfpt.context import Context
from dfpt.datasets import Task, manifest
from dfpt.datasets.sources import resolve
from dfpt.steps import prepare
from tests.unit.datasets.pictures import fill, truncate


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.done: list[tuple[int, int]] = []

    def progress(self, done: int, total: int, text: str) -> None:
        self.done.append((done, total))

    def metrics(self, values: Any, step: int) -> None: ...


def prepared(source: str, target: Path, seed: int = 0, **data: Any) -> tuple[dict[str, float], pd.DataFrame, Task]:
    config = PrepareConfig(seed=seed, data=Data(source=source, **({"image_size": 16} | data)))
    metrics = prepare.run({}, {"dataset": target}, config, Context(target, target))
    return metrics, manifest.read(target), Task.load(target)


def test_digits_become_pixels_manifest_and_task(tmp_path: Path) -> None:
    metrics, table, task = prepared("digits", tmp_path / "dataset")
    images = np.load(tmp_path / "dataset" / "images.npy", mmap_mode="r")
    assert (images.shape, images.dtype) == ((1797, 16, 16, 1), np.uint8)
    assert metrics["images"] == metrics["train"] + metrics["val"] + metrics["test"] == 1797
    assert set(manifest.COLUMNS) == set(table.columns)
    assert (table["label_name"] == [task.classes[label] for label in table["label"]]).all()
    assert (table["width"] == 8).all()
    assert table["error"].isna().all()
    np.testing.assert_allclose(table["mean"], images.mean(axis=(1, 2, 3)) / 255)
    assert (task.channels, task.image_size, task.positive, task.slices) == (1, 16, None, ())


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_split(tmp_path: Path) -> None:
    for name, seed in (("first", 0), ("second", 0), ("third", 1)):
        prepared("digits", tmp_path / name, seed)
    assert files.sha256(tmp_path / "first") == files.sha256(tmp_path / "second")
    assert Task.load(tmp_path / "first").data_hash != Task.load(tmp_path / "third").data_hash


def test_elpv_rows_carry_level_and_wafer_and_blocks_leave_no_class_out_of_a_split(tmp_path: Path) -> None:
    _, table, task = prepared("elpv", tmp_path / "dataset", split="block", image_size=8)
    assert {"level", "wafer"} < set(table.columns)
    assert task.slices == ("wafer",)
    assert "CC BY-NC-SA 4.0" in str(task.licence)
    counts = table.groupby(["label", "split"]).size()
    assert len(counts) == 24
    assert counts.min() >= 5
    assert (table["split"] != table["split"].shift()).sum() <= 40  # blocks, not single images


def test_a_colour_folder_has_three_channels(tmp_path: Path) -> None:
    paths = fill(tmp_path / "raw" / "a", 3, colour=True) + fill(tmp_path / "raw" / "b", 3)
    _, table, task = prepared(f"folder:{tmp_path / 'raw'}", tmp_path / "dataset")
    images = np.load(tmp_path / "dataset" / "images.npy")
    assert (task.channels, images.shape) == (3, (6, 16, 16, 3))
    assert table["sha256"].tolist() == [files.sha256(path) for path in paths]
    assert (images[3:, ..., 0] == images[3:, ..., 2]).all()
    assert (images[:3, ..., 0] != images[:3, ..., 2]).any()


def test_a_truncated_image_is_a_row_with_an_error(tmp_path: Path) -> None:
    truncate(fill(tmp_path / "raw" / "a", 4)[1])
    metrics, table, _ = prepared(f"folder:{tmp_path / 'raw'}", tmp_path / "dataset")
    assert metrics["unreadable"] == 1
    assert table["error"].notna().tolist() == [False, True, False, False]
    assert "truncated" in table.loc[1, "error"]


@pytest.mark.parametrize("images", [0, 1, 2])
def test_hardly_any_images_are_no_error_here(tmp_path: Path, images: int) -> None:
    fill(tmp_path / "raw" / "a", images)
    for how in ("stratified", "block"):
        metrics, table, task = prepared(f"folder:{tmp_path / 'raw'}", tmp_path / how, split=how)
        assert metrics["images"] == len(table) == images
        assert task.classes == ("a",)


def test_progress_ends_at_the_number_of_images(tmp_path: Path) -> None:
    heard = Heard()
    config = PrepareConfig(seed=0, data=Data(source="digits", image_size=8))
    prepare.run({}, {"dataset": tmp_path / "dataset"}, config, Context(tmp_path, tmp_path, heard))
    assert heard.done[-1] == (len(resolve("digits").items), 1797)
    assert len(heard.done) > 2
