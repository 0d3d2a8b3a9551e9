from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dfpt import files
from dfpt.config import Data, PrepareConfig
from dfpt.context import Context
from dfpt.datasets import Task, manifest
from dfpt.datasets.sources import resolve
from dfpt.errors import UsageError
from dfpt.steps import prepare
from tests.unit.datasets.pictures import fill, truncate
from tests.unit.datasets.test_near import scene


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
    assert task.licence == "CC-BY-NC-SA-4.0"
    counts = table.groupby(["label", "split"]).size()
    assert len(counts) == 24
    assert counts.min() >= 5
    assert (table["split"] != table["split"].shift()).sum() <= 40  # blocks, not single images


def test_the_licence_of_a_folder_is_what_the_configuration_says_and_a_source_keeps_its_own(tmp_path: Path) -> None:
    fill(tmp_path / "raw" / "a", 3)
    fill(tmp_path / "raw" / "b", 3)
    folder = f"folder:{tmp_path / 'raw'}"
    assert prepared(folder, tmp_path / "one")[2].licence is None
    assert prepared(folder, tmp_path / "two", licence="LicenseRef-Acme")[2].licence == "LicenseRef-Acme"
    assert prepared("digits", tmp_path / "three", licence="MIT")[2].licence == "CC-BY-4.0"


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


def test_a_group_split_by_a_column_or_a_file_keeps_groups_whole_and_enters_the_manifest(tmp_path: Path) -> None:
    ids = [item.id for item in resolve("elpv").items]
    modules = pd.DataFrame({"id": ids, "group": [f"module-{row // 60}" for row in range(len(ids))]})
    modules.sample(frac=1, random_state=0).to_csv(tmp_path / "modules.csv", index=False)
    group = {"file": str(tmp_path / "modules.csv")}
    _, table, _ = prepared("elpv", tmp_path / "file", split="group", group=group, image_size=8)
    assert table[manifest.GROUP].tolist() == modules["group"].tolist()
    assert table.groupby(manifest.GROUP)["split"].nunique().max() == 1
    assert set(table["split"]) == {"train", "val", "test"}
    _, table, _ = prepared("elpv", tmp_path / "column", split="group", group={"column": "wafer"}, image_size=8)
    assert table.groupby("wafer")["split"].nunique().max() == 1


@pytest.mark.parametrize("how", [{"split": "stratified"}, {"split": "block"}, {"split": "fold", "fold": {}}])
def test_near_copies_share_a_split_where_that_is_asked_for(tmp_path: Path, how: dict[str, Any]) -> None:
    rows = {}
    for number in range(40):
        pixels = scene(number)
        for name, picture in (("first", pixels), ("again", (pixels * 1.05).clip(0, 255).astype(np.uint8))):
            path = tmp_path / "line" / ("sound" if number % 2 else "cracked") / f"{name}-{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
    for together in (False, True):
        target = tmp_path / str(together)
        _, table, _ = prepared(
            f"folder:{tmp_path / 'line'}", target, image_size=64, near_copies_together=together, **how
        )
        pair = table["id"].str.extract(r"(\d+)")[0]
        rows[together] = table.groupby(pair)["split"].nunique()
        assert set(table["split"]) == {"train", "val", "test"}
    assert (rows[False] == 2).sum() > 5
    assert (rows[True] == 1).all()


def test_a_fold_is_tested_on_and_gives_other_data_than_the_next(tmp_path: Path) -> None:
    tested, hashes = [], set()
    for index in range(4):
        _, table, task = prepared("digits", tmp_path / str(index), split="fold", fold={"index": index}, image_size=8)
        tested += table.loc[table["split"] == "test", "id"].tolist()
        hashes.add(task.data_hash)
    assert sorted(tested) == sorted(table["id"])
    assert len(hashes) == 4


def test_a_list_gives_the_splits_and_a_validation_part_that_it_lacks_is_taken_from_train(tmp_path: Path) -> None:
    fill(tmp_path / "raw" / "a", 40)
    listed = pd.DataFrame({"id": [f"a/{row:03d}.png" for row in range(40)], "split": ["train"] * 30 + ["test"] * 10})
    listed.to_csv(tmp_path / "ids.csv", index=False)
    _, table, _ = prepared(f"folder:{tmp_path / 'raw'}", tmp_path / "d", split="ids", ids=str(tmp_path / "ids.csv"))
    assert (table["split"][30:] == "test").all()
    assert table["split"][:30].value_counts().to_dict() == {"train": 26, "val": 4}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,split\n", "has no column 'id'"),
        ("id,split\na/000.png,train\na/001.png,hold\n", "'hold' is no split"),
        ("id,split\na/000.png,train\n", "says no split of 1 image (a/001.png)"),
        ("id,split\na/000.png,train\na/000.png,test\n", "lists the image 'a/000.png' twice"),
        ("id,split\na/000.png,train\na/001.png,test\nb/1.png,test\n", "lists 1 image (b/1.png) that the source does"),
        (b"id,split\n\xff,train\n", "no CSV file in UTF-8"),
        (None, "Cannot read"),
    ],
)
def test_a_list_that_does_not_fit_the_images_is_named(
    tmp_path: Path, content: str | bytes | None, message: str
) -> None:
    fill(tmp_path / "raw" / "a", 2)
    if content is not None:
        (tmp_path / "ids.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UsageError) as raised:
        prepared(f"folder:{tmp_path / 'raw'}", tmp_path / "d", split="ids", ids=str(tmp_path / "ids.csv"))
    assert message in raised.value.message


def test_a_column_of_groups_that_the_images_lack_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        prepared("elpv", tmp_path / "dataset", split="group", group={"column": "modul"}, image_size=8)
    assert "'modul'" in raised.value.message
    assert "Its columns are level, wafer" in raised.value.remedy


def test_progress_ends_at_the_number_of_images(tmp_path: Path) -> None:
    heard = Heard()
    config = PrepareConfig(seed=0, data=Data(source="digits", image_size=8))
    prepare.run({}, {"dataset": tmp_path / "dataset"}, config, Context(tmp_path, tmp_path, heard))
    assert heard.done[-1] == (len(resolve("digits").items), 1797)
    assert len(heard.done) > 2
