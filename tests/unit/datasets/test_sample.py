from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dfpt.config import Data, PrepareConfig
from dfpt.context import Context
from dfpt.datasets import sample, versions
from dfpt.errors import UsageError
from dfpt.steps import prepare
from tests.unit.datasets.pictures import fill, truncate


def prepared(raw: Path, dataset: Path, **data: object) -> str:
    config = PrepareConfig(seed=0, data=Data(source=f"folder:{raw}", image_size=8, **data))  # type: ignore[arg-type]
    prepare.run({}, {"dataset": dataset}, config, Context(home=dataset, checkpoints=dataset))
    return sample.load(dataset).task.data_hash


def test_a_sample_is_the_readable_images(tmp_path: Path) -> None:
    paths = fill(tmp_path / "raw" / "a", 12)
    truncate(paths[4])
    prepared(tmp_path / "raw", tmp_path / "dataset")
    found = sample.load(tmp_path / "dataset")
    assert found.rows.tolist() == [0, 1, 2, 3, *range(5, 12)]
    assert found.unreadable == 1
    assert len(found.contents()) == len(found.splits) == len(found.paths) == 11
    assert found.paths[4] == "a/005.png"
    assert np.asarray(found.images[found.rows]).any(axis=(1, 2, 3)).all()


def test_a_copy_in_another_format_has_the_same_contents(tmp_path: Path) -> None:
    first, _ = fill(tmp_path / "raw" / "a", 2)
    Image.open(first).convert("RGB").save(first.with_name("copy.bmp"))
    Image.effect_noise((24, 16), 50).convert("L").save(first.with_name("other.png"))
    fill(tmp_path / "raw" / "colour", 1, colour=True)  # so that all of them are stored with three channels
    prepared(tmp_path / "raw", tmp_path / "dataset")
    found = sample.load(tmp_path / "dataset")
    contents = dict(zip(found.paths, found.contents(), strict=True))
    assert len(contents) == 5
    assert contents[f"a/{first.name}"] == contents["a/copy.bmp"]
    assert len(set(contents.values())) == 4
    as_grey = dataclasses.replace(found, images=found.images[..., :1])
    assert as_grey.contents()[0] == contents[found.paths[0]]


@pytest.mark.parametrize(
    ("text", "version"),
    [("60ce5ce8", True), ("a" * 64, True), ("a" * 65, False), ("abc1234", False), ("elpv", False), ("folder:a", False)],
)
def test_a_version_is_a_hash_and_no_source(text: str, version: bool) -> None:
    assert versions.is_version(text) is version


def test_a_version_is_found_by_its_beginning_and_the_newest_of_it_is_taken(tmp_path: Path) -> None:
    fill(tmp_path / "raw" / "a", 6)
    home = tmp_path / "home"
    places = [home / "pipeline" / run / "prepare" / "dataset" for run in ("2", "1")]
    first, second = (prepared(tmp_path / "raw", place) for place in places)
    assert first == second
    (places[1] / "images.npy").touch()
    assert versions.find(home, first[:8]) == places[1]
    with pytest.raises(UsageError, match=rf"which holds: {first[:12]} \(folder:"):
        versions.find(home, "0" * 8)


def test_a_beginning_of_two_versions_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        fill(tmp_path / "raw" / str(number) / "a", 6)
        dataset = tmp_path / "home" / "pipeline" / str(number) / "prepare" / "dataset"
        prepared(tmp_path / "raw" / str(number), dataset)
    with pytest.raises(UsageError, match="not unique"):
        versions.find(tmp_path / "home", "")


def test_a_home_without_any_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="which holds: none"):
        versions.find(tmp_path, "a" * 8)
