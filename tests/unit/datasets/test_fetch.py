from __future__ import annotations

from pathlib import Path

import pytest

from dfpt.config import Data, PrepareConfig
from dfpt.context import Context
from dfpt.datasets import fetch, manifest
from dfpt.datasets.sources import resolve
from dfpt.errors import UsageError
from dfpt.steps import prepare
from tests.unit.datasets.pictures import fill


def fetched(folder: Path, out: Path) -> None:
    source = f"folder:{folder}"
    dataset = folder.parent / "dataset"
    context = Context(folder, folder)
    prepare.run({}, {"dataset": dataset}, PrepareConfig(seed=0, data=Data(source=source, image_size=8)), context)
    fetch.write(resolve(source), dataset, out)


def test_images_come_unchanged_with_a_manifest_that_points_to_them(tmp_path: Path) -> None:
    for label in ("a", "b"):
        fill(tmp_path / "raw" / label, 4)
    fetched(tmp_path / "raw", tmp_path / "out")
    table = manifest.read(tmp_path / "out")
    assert len(table) == 8
    for path in table["path"]:
        assert (tmp_path / "out" / path).read_bytes() == (tmp_path / "raw" / path).read_bytes()


def test_fetching_again_is_allowed_and_a_folder_of_other_things_is_not(tmp_path: Path) -> None:
    fill(tmp_path / "raw" / "a", 2)
    fetched(tmp_path / "raw", tmp_path / "out")
    fetched(tmp_path / "raw", tmp_path / "out")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "precious.txt").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        fetched(tmp_path / "raw", mine)
    assert [path.name for path in mine.iterdir()] == ["precious.txt"]
