from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from dfpt.datasets import elpv
from dfpt.datasets.sources import fingerprint, resolve
from dfpt.errors import UsageError
from tests.unit.datasets.pictures import fill


@pytest.mark.parametrize(
    ("source", "message", "remedy"),
    [
        (
            "elvp",
            "Unknown data source 'elvp': known are elpv, digits, folder:PATH, parquet:PATH",
            "Did you mean 'elpv'?",
        ),
        ("digit", "Unknown data source", "Did you mean 'digits'?"),
        ("fodler:/x", "Unknown data source", "Did you mean 'folder:PATH'?"),
        ("mlflow:abc", "Unknown data source", "Write mlflow:RUN/ARTIFACT"),
        ("cifar:/x", "Unknown data source", "Did you mean 'cifar10:PATH'?"),
        ("folder:", "Unknown data source", "folder:PATH"),
        ("folder:/no/such", "No folder /no/such", "path after 'folder:'"),
    ],
)
def test_an_unknown_source_or_folder_is_named_with_a_remedy(source: str, message: str, remedy: str) -> None:
    with pytest.raises(UsageError) as raised:
        resolve(source)
    assert message in raised.value.message
    assert remedy in raised.value.remedy


def test_a_bare_path_is_told_how_to_name_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"Write folder:{tmp_path}"):
        resolve(str(tmp_path))


def test_elpv_declares_eight_classes_of_which_those_above_one_half_are_positive() -> None:
    source = resolve("elpv")
    assert len(source.items) == 2624
    assert source.positive is not None
    assert [source.classes[index] for index in source.positive] == ["mono-2/3", "mono-1", "poly-2/3", "poly-1"]
    for item in source.items:
        level = item.columns["level"]
        assert isinstance(level, float)
        assert (source.classes.index(item.label_name) in source.positive) == (level > 0.5)
        assert item.label_name.startswith(f"{item.columns['wafer']}-")
    assert source.slices == ("wafer",)
    assert source.licence == "CC-BY-NC-SA-4.0"
    assert "CC BY-NC-SA 4.0" in str(source.notice)
    assert [item.id for item in source.items] == sorted(item.id for item in source.items)


def test_without_the_package_elpv_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'dfpt\[demo\]'"):
        resolve("elpv")


def test_an_unknown_defect_level_is_kept_for_validate_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("images/a.png  0.3333333333333333  mono\nimages/b.png  0.5  poly\n")
    assert [item.label_name for item in elpv.source(tmp_path).items] == ["mono-1/3", "poly-0.5"]


def test_digits_have_ten_classes_and_neither_positive_ones_nor_slices() -> None:
    source = resolve("digits")
    assert (len(source.items), len(source.classes)) == (1797, 10)
    assert (source.positive, source.slices, source.channels) == (None, (), 1)


def test_class_folders_give_sorted_classes_and_stray_files_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path / "scratch", 2)
    fill(tmp_path / "ok" / "monday", 1)
    fill(tmp_path / ".hidden", 1)
    (tmp_path / "ok" / "notes.txt").write_text("no image")
    source = resolve(f"folder:{tmp_path}")
    assert source.classes == ("ok", "scratch")
    assert [item.id for item in source.items] == ["ok/monday/000.png", "scratch/000.png", "scratch/001.png"]
    assert {item.split for item in source.items} == {None}


@pytest.mark.parametrize("split", ["", "train/"])
def test_images_that_nobody_would_train_on_are_refused_by_name(tmp_path: Path, split: str) -> None:
    for label in ("ok", "scratch"):
        fill(tmp_path / split / label, 1)
    (tmp_path / split / "ok" / "photo.HEIC").write_bytes(b"an image of another format")
    (tmp_path / split / "ok" / "moving.gif").symlink_to(tmp_path / split / "ok" / "photo.HEIC")
    fill(tmp_path, 1)
    (tmp_path / split / "sheet.gif").write_bytes(b"beside the folders")
    (tmp_path / split / "readme.txt").write_text("no image")
    refused = {item.path: item.refused for item in resolve(f"folder:{tmp_path}").items if item.refused}
    assert refused == {
        f"{split}ok/photo.HEIC": "HEIC is not read: save it as PNG, TIFF or JPEG",
        f"{split}ok/moving.gif": "GIF is not read: save it as PNG, TIFF or JPEG",
        "000.png": "beside the class folders and in none of them",
        f"{split}sheet.gif": "beside the class folders and in none of them",
    }


def test_split_folders_are_kept_and_a_class_missing_in_one_is_still_a_class(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/a"):
        fill(tmp_path / name, 1)
    source = resolve(f"folder:{tmp_path}")
    assert source.classes == ("a", "b")
    assert [(item.split, item.label_name) for item in source.items] == [("test", "a"), ("train", "a"), ("train", "b")]


def test_a_folder_beside_the_splits_is_named(tmp_path: Path) -> None:
    for name in ("train/a", "valid/a"):
        fill(tmp_path / name, 1)
    with pytest.raises(UsageError, match="valid lies beside the split folder 'train'"):
        resolve(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("Train", "Test"), "Test, Train in .* are names of splits, and would be the classes"),
        (("training", "testing"), "are names of splits, and would be the classes"),
        (("TRAIN", "test"), "TRAIN lies beside the split folder 'test'"),
    ],
)
def test_splits_that_are_not_named_as_such_do_not_become_the_classes(
    tmp_path: Path, names: tuple[str, ...], words: str
) -> None:
    for name in names:
        fill(tmp_path / name / "good", 1)
        fill(tmp_path / name / "bad", 1)
    with pytest.raises(UsageError, match=words):
        resolve(f"folder:{tmp_path}")


def test_links_out_of_the_folder_are_refused_one_by_one_and_links_inside_are_read(tmp_path: Path) -> None:
    outside, raw = tmp_path / "outside", tmp_path / "raw"
    secret = fill(outside / "secret", 3)[0]
    first = fill(raw / "a", 1)[0]
    (raw / "a" / "inside.png").symlink_to(first)
    (raw / "a" / "outside.png").symlink_to(secret)
    (raw / "a" / "dangling.png").symlink_to(raw / "a" / "gone.png")
    (raw / "a" / "folder").symlink_to(outside / "secret")
    (raw / "b").symlink_to(outside / "secret")
    source = resolve(f"folder:{raw}")
    assert source.classes == ("a",)
    assert {item.id for item in source.items if item.refused is None} == {"a/000.png", "a/inside.png", "a/dangling.png"}
    refused = {item.id: str(item.refused) for item in source.items if item.refused is not None}
    assert list(refused) == ["a/folder", "a/outside.png", "b"]
    assert all("leads out of the folder" in reason for reason in refused.values())
    for item in source.items:
        if item.refused:
            with pytest.raises(OSError, match="leads out"):
                item.read()


def test_a_name_that_is_not_utf8_is_refused_under_a_name_that_can_be_written(tmp_path: Path) -> None:
    file = fill(tmp_path / "a", 2)[0]
    file.rename(tmp_path / "a" / os.fsdecode(b"\xff.png"))
    (tmp_path / os.fsdecode(b"\xfe")).mkdir()
    source = resolve(f"folder:{tmp_path}")
    assert source.classes == ("a",)
    assert [(item.id, item.refused is None) for item in source.items] == [
        ("a/001.png", True),
        ("a/\\xff.png", False),
        ("\\xfe", False),
    ]


def test_files_are_in_the_order_of_their_paths_part_by_part(tmp_path: Path) -> None:
    for name in ("a/x", "a/x-1", "a/x/deep", "a"):
        fill(tmp_path / name, 2)
    ids = [item.id for item in resolve(f"folder:{tmp_path}").items]
    assert ids == [path.relative_to(tmp_path).as_posix() for path in sorted((tmp_path / "a").rglob("*.png"))]


@pytest.mark.parametrize(("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("I;16", 1), ("P", 3), ("RGBA", 3)])
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_colour_is_told_by_the_header(tmp_path: Path, mode: str, channels: int, suffix: str) -> None:
    (tmp_path / "a").mkdir()
    Image.new(mode, (4, 4)).save(tmp_path / "a" / f"x.{suffix}")
    assert resolve(f"folder:{tmp_path}").channels == channels


@pytest.mark.parametrize(("colour", "channels"), [(False, 1), (True, 3)])
def test_one_colour_image_makes_three_channels(tmp_path: Path, colour: bool, channels: int) -> None:
    fill(tmp_path / "a", 2)
    fill(tmp_path / "b", 1, colour=colour)
    assert resolve(f"folder:{tmp_path}").channels == channels


def test_the_fingerprint_follows_the_lists_that_decide_the_split(tmp_path: Path) -> None:
    fill(tmp_path / "raw" / "a", 1)
    source, listed = f"folder:{tmp_path / 'raw'}", tmp_path / "ids.csv"
    found = {fingerprint(source)}
    for split in ("train", "test"):
        listed.write_text(f"id,split\na/000.png,{split}\n")
        found.add(fingerprint(source, [listed]))
    assert len(found) == 3
    listed.unlink()
    with pytest.raises(UsageError, match=r"Cannot read .*ids\.csv"):
        fingerprint(source, [listed])


def test_the_fingerprint_follows_bytes_and_labels_and_not_the_place(tmp_path: Path) -> None:
    for place in ("here", "there"):
        for label in ("a", "b"):
            fill(tmp_path / place / label, 2)
            for number in range(2):
                (tmp_path / place / label / f"{number:03d}.png").write_bytes(
                    (tmp_path / "here" / label / f"{number:03d}.png").read_bytes()
                )
    here, there = (f"folder:{tmp_path / place}" for place in ("here", "there"))
    before = fingerprint(here)
    assert fingerprint(there) == before
    (tmp_path / "there" / "a" / "000.png").rename(tmp_path / "there" / "b" / "moved.png")
    assert fingerprint(there) != before
    file = tmp_path / "here" / "a" / "001.png"
    file.write_bytes(file.read_bytes() + b"\0")
    assert fingerprint(here) != before
