"""The suite on photographs of clothes: its file is made from the IDX files of a Debian package, made up here."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import numpy as np
import pytest

from dfpt import config as configuration
from dfpt.bench.distill import SUITES, cells, fashion, make_images
from dfpt.bench.distill.cells import Cell
from dfpt.bench.distill.methods import METHODS
from dfpt.datasets.sources import resolve
from dfpt.errors import UsageError

LABELS = np.arange(40, dtype=np.uint8) % 10
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)


def packaged(folder: Path, labels: np.ndarray = LABELS) -> Path:
    folder.mkdir(parents=True)
    header = b"".join(number.to_bytes(4, "big") for number in (0x803, *PIXELS.shape))
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + PIXELS.tobytes()))
    header = b"".join(number.to_bytes(4, "big") for number in (0x801, len(labels)))
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(header + labels.tobytes()))
    return folder


def test_the_first_images_of_each_class_are_read_back_as_they_were(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    assert fashion.make(out, packaged(tmp_path / "deb"), per_class=2) == 20
    items = resolve(f"parquet:{out}").items
    assert [item.id for item in items] == [f"train-{number:05d}" for number in range(20)]
    assert [item.label_name for item in items] == [fashion.CLASSES[label] for label in LABELS[:20]]
    for number in (0, 13):
        assert items[number].read() == b"P5 28 28 255\n" + PIXELS[number].tobytes()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("missing", "is not there.\n  -> Install it: apt-get install dataset-fashion-mnist"),
        ("cut off", "cannot be read"),
        ("another file", "is no IDX file"),
        ("fewer labels", "do not belong together"),
    ],
)
def test_a_package_that_is_not_whole_is_one_clear_error(tmp_path: Path, damage: str, message: str) -> None:
    folder = packaged(tmp_path / "deb", LABELS[:39] if damage == "fewer labels" else LABELS)
    images = folder / "train-images-idx3-ubyte.gz"
    if damage == "missing":
        images.unlink()
    elif damage == "cut off":
        images.write_bytes(images.read_bytes()[:-9])
    elif damage == "another file":
        images.write_bytes((folder / "train-labels-idx1-ubyte.gz").read_bytes())
    with pytest.raises(UsageError) as caught:
        fashion.make(tmp_path / "out.parquet", folder)
    assert message in str(caught.value)
    assert not (tmp_path / "out.parquet").exists()


def test_the_suite_makes_its_images_once(tmp_path: Path) -> None:
    made: list[Path] = []
    suite = dataclasses.replace(SUITES["fashion"], images=tmp_path / "images.parquet", make=made.append)
    make_images(suite)
    assert made == [tmp_path / "images.parquet"]
    made[0].touch()
    make_images(suite)
    assert len(made) == 1
    make_images(SUITES["digits"])  # has none to make


def test_the_suite_reads_what_is_made_and_turns_nothing() -> None:
    suite = SUITES["fashion"]
    cell = Cell("dfpt_kd", suite.development, 0, 0)
    config = cells.configured(suite, cell, METHODS["dfpt_kd"].defaults, suite.epochs)
    assert config.data.source == f"parquet:{suite.images}"
    assert (config.data.licence, config.augmentation.views) == ("MIT", 1)
    shipped = configuration.resolve(None, suite.profile, [], environment={})
    # The shipped defaults, which the suite is there to try, are the first trial of ours.
    assert (config.prompt, config.distillation) == (shipped.prompt, shipped.distillation)
