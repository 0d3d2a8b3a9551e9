"""Whatever lies in a folder: every image is named once, and what can be trained on is trained on."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import struct
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dfpt import files
from dfpt.config import Data, PrepareConfig, ValidateConfig, Validation
from dfpt.context import Context
from dfpt.datasets import Task, elpv, load, manifest, quarantine
from dfpt.errors import DataRefused, UsageError
from dfpt.steps import prepare, validate


def encoded(number: int, kind: str = "PNG", side: int = 12) -> bytes:
    """An image that no other number has."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (side, side), np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG file of some hundred bytes that says it has 900 million pixels."""
    parts = ((b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(9999))))
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def as_file(content: Callable[[int], bytes], name: str = "{}.png") -> Callable[[Path, int], None]:
    def write(folder: Path, number: int) -> None:
        (folder / name.format(number)).write_bytes(content(number))

    return write


def one_grey(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (12, 12 + number), 40).save(buffer, "PNG")
    return buffer.getvalue()


def link_out(folder: Path, number: int) -> None:
    target = folder.parents[1] / f"outside-{number}.png"
    target.write_bytes(encoded(number))
    (folder / f"{number}.png").symlink_to(target)


# What may lie there -> how it is made, and what becomes of it.
KINDS: dict[str, tuple[Callable[[Path, int], None], str]] = {
    "sound": (as_file(encoded), "accepted"),
    "another size": (as_file(lambda number: encoded(number, side=40)), "accepted"),
    "truncated": (as_file(lambda number: encoded(number)[:-60]), "quarantined"),
    "bomb": (as_file(lambda number: bomb() + bytes([number])), "quarantined"),
    "no image": (as_file(lambda number: b"GIF? %d" % number), "quarantined"),
    "wrong extension": (as_file(lambda number: encoded(number, "BMP")), "quarantined"),
    "no content": (as_file(one_grey), "quarantined"),
    "empty": (as_file(lambda number: b""), "quarantined"),
    "link out": (link_out, "refused"),
    "dangling link": (lambda folder, number: (folder / f"{number}.png").symlink_to(folder / "gone"), "refused"),
    "unread format": (as_file(encoded, "{}.gif"), "refused"),
    "no UTF-8": (as_file(encoded, os.fsdecode(b"\xff{}.png")), "refused"),
}  # fmt: skip


def processed(source: str, place: Path) -> dict[str, Any]:
    """The report of validate, whether the data is refused or not."""
    context = Context(place / "home", place)
    dataset, validation = place / "dataset", place / "validation"
    prepare.run({}, {"dataset": dataset}, PrepareConfig(seed=0, data=Data(source=source, image_size=8)), context)
    config = ValidateConfig(validation=Validation(max_rejected=1, min_per_class=1))
    with contextlib.suppress(DataRefused):
        validate.run({"dataset": dataset}, {"validation": validation}, config, context)
    return pd.read_json(validation / "validation.json", typ="series").to_dict()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(sorted(KINDS))), max_size=12))
def test_every_image_is_counted_exactly_once(drawn: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "raw").mkdir()
        for number, (label, kind) in enumerate(drawn):
            (place / "raw" / label).mkdir(exist_ok=True)
            KINDS[kind][0](place / "raw" / label, number)
        report = processed(f"folder:{place / 'raw'}", place)
        expected = Counter(KINDS[kind][1] for _, kind in drawn)
        assert report["images"] == len(drawn)
        assert {fate: report[fate] for fate in ("accepted", "quarantined", "refused")} == {
            fate: expected[fate] for fate in ("accepted", "quarantined", "refused")
        }
        trained = manifest.read(place / "validation")["path"].tolist()
        kept = [entry.path for entry in quarantine.entries(place / "home")]
        rejected = pd.read_csv(place / "validation" / "rejected.csv")
        assert len(kept) == expected["quarantined"]
        assert len(rejected) == expected["quarantined"] + expected["refused"]
        assert rejected["reason"].str.len().gt(0).all()
        assert sorted([*trained, *rejected["path"]]) == sorted(manifest.read(place / "dataset")["path"])
        assert set(kept) <= set(rejected["path"])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for label in ("a", "b"):
        (tmp_path / "raw" / label).mkdir(parents=True)
        for number in range(20):
            (tmp_path / "raw" / label / f"{number}.png").write_bytes(encoded(1000 + number + 100 * (label == "b")))
    return tmp_path


def reasons(place: Path) -> dict[str, str]:
    return pd.read_csv(place / "validation" / "rejected.csv").set_index("path")["reason"].to_dict()


def test_each_trouble_is_named(place: Path) -> None:
    for number, kind in enumerate(sorted(set(KINDS) - {"sound", "another size"})):
        KINDS[kind][0](place / "raw" / "a", 100 + number)
    report = processed(f"folder:{place / 'raw'}", place)
    assert (report["images"], report["accepted"]) == (50, 40)
    assert reasons(place) == {
        "a/100.png": "its header promises more than 100,000,000 pixels",
        "a/101.png": "No such file or directory",
        "a/102.png": "not an image file",
        "a/103.png": "a link that leads out of the folder: copy here what it points to",
        "a/\\xff104.png": "its name is not UTF-8: rename it",
        "a/105.png": "not constant: images without any content (all pixels equal)",
        "a/106.png": "not an image file",
        "a/107.png": "image file is truncated",
        "a/108.gif": "GIF is not read: save it as PNG, TIFF or JPEG",
        "a/109.png": "a BMP file under the name of a PNG file",
    }


def test_images_of_several_sizes_are_taken_and_their_sizes_listed(place: Path) -> None:
    (place / "raw" / "a" / "big.png").write_bytes(encoded(7, side=40))
    assert processed(f"folder:{place / 'raw'}", place)["sizes"] == {"12x12": 40, "40x40": 1}
    assert "12x12 (40), 40x40 (1)" in (place / "validation" / "validation.html").read_text()


def test_the_second_image_under_an_id_that_is_taken_is_rejected(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = []
    for number in range(40):
        (place / "images" / f"{number % 2}").mkdir(parents=True, exist_ok=True)
        path = f"images/{number % 2}/cell{number // 2 if number < 2 else number}.png"
        (place / path).write_bytes(encoded(number))
        lines.append(f"{path}  {number % 4 / 3}  mono")
    (place / "labels.csv").write_text("\n".join(lines))
    monkeypatch.setattr(prepare, "resolve", lambda source, _: elpv.source(place))
    report = processed("elpv", place)
    assert (report["images"], report["accepted"], report["quarantined"]) == (40, 39, 1)
    assert reasons(place) == {"images/1/cell0.png": "its id is that of an earlier image"}


def test_a_parquet_shard_with_a_wrong_column_is_counted_and_the_rest_taken(place: Path) -> None:
    for name, column, count in (("one", "image", 6), ("two", "pictures", 3)):
        images = [encoded(number) for number in range(count)]
        pq.write_table(pa.table({column: images, "label": ["x", "y", "z"] * (count // 3)}), place / f"{name}.parquet")
    report = processed(f"parquet:{place}", place)
    assert (report["images"], report["accepted"], report["refused"]) == (9, 6, 3)
    failed = {check["name"] for check in report["expectations"] if not check["passed"]}
    assert "known labels" not in failed, "nobody knows the label of a row that was not read"
    assert reasons(place)["two/000000"].startswith("no column of images: its columns are pictures (binary)")


def test_what_is_rejected_is_kept_as_it_was_even_when_the_source_loses_it(place: Path) -> None:
    broken = encoded(1)[:-60]
    (place / "raw" / "a" / "broken.png").write_bytes(broken)
    processed(f"folder:{place / 'raw'}", place)
    shutil.rmtree(place / "raw")
    (entry,) = quarantine.entries(place / "home")
    assert (entry.path, entry.label_name, entry.reason) == ("a/broken.png", "a", "image file is truncated")
    assert (entry.source, entry.state, entry.releasable) == (f"folder:{place / 'raw'}", "quarantined", False)
    assert (place / "home" / "quarantine" / f"{entry.key}.image").read_bytes() == broken
    assert entry.sha256 == files.sha256(place / "home" / "quarantine" / f"{entry.key}.image")


def test_a_released_image_is_trained_on_by_the_next_run_and_a_changed_one_is_a_new_case(place: Path) -> None:
    doubtful = place / "raw" / "a" / "photo.png"
    doubtful.write_bytes(encoded(1, "BMP"))
    source = f"folder:{place / 'raw'}"
    assert processed(source, place)["quarantined"] == 1
    report = processed(source, place)
    assert [check["name"] for check in report["expectations"] if not check["passed"]] == ["nothing in doubt"]
    (entry,) = quarantine.entries(place / "home")
    quarantine.release(place / "home", entry.key, "kim", "the exporter names everything so")
    report = processed(source, place)
    assert report["quarantined"] == 0
    assert all(check["passed"] for check in report["expectations"])
    trained = load(place / "dataset", place / "validation").manifest
    assert "a/photo.png" in trained["path"].tolist()
    (entry,) = quarantine.entries(place / "home")
    assert entry.release is not None
    assert (entry.state, entry.release.by, entry.release.reason) == (
        "released", "kim", "the exporter names everything so",
    )  # fmt: skip
    doubtful.write_bytes(encoded(2, "BMP"))
    assert processed(source, place)["quarantined"] == 1
    assert len(quarantine.entries(place / "home")) == 2


def test_what_no_release_helps_cannot_be_released(place: Path) -> None:
    (place / "raw" / "a" / "broken.png").write_bytes(b"no image")
    processed(f"folder:{place / 'raw'}", place)
    (entry,) = quarantine.entries(place / "home")
    with pytest.raises(UsageError, match="cannot be trained on: not an image file"):
        quarantine.release(place / "home", entry.key, "kim", "please")


def test_an_image_without_a_class_is_in_quarantine(place: Path) -> None:
    images = [encoded(number) for number in range(3)]
    pq.write_table(pa.table({"image": images, "label": ["x", None, "y"]}), place / "x.parquet")
    assert processed(f"parquet:{place / 'x.parquet'}", place)["quarantined"] == 1
    (entry,) = quarantine.entries(place / "home")
    assert (entry.reason, entry.releasable) == ("label '' is no class", False)
    assert Task.load(place / "dataset").classes == ("x", "y")
