from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dfpt import files


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_keeps_its_old_content_when_writing_the_new_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), files.replacing(path) as partial:
        partial.write_text("half \ud800")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_takes_the_place_of_a_full_one(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").touch()
    with files.replacing(folder) as partial:
        partial.mkdir()
        (partial / "new").touch()
        assert (folder / "old").exists()
    assert names(folder) == ["new"]
    assert names(tmp_path) == ["folder"]


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with files.replacing(path) as partial:
        pass_over = partial
        partial.mkdir()
    pass_over.mkdir()
    (pass_over / "rubbish").touch()
    with files.replacing(path) as partial:
        partial.mkdir()
    assert names(path) == []


def test_json_has_no_nan(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"a": float("nan"), "b": [float("inf"), 1.5], "c": ("é", 2)})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": None, "b": [None, 1.5], "c": ["é", 2]}


def test_a_folders_hash_is_of_names_and_bytes_alone(tmp_path: Path) -> None:
    def folder(name: str, content: dict[str, str]) -> Path:
        for file, text in content.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            os.utime(path, (0, len(name)))
        return tmp_path / name

    one = files.sha256(folder("one", {"a": "1", "sub/b": "2"}))
    assert files.sha256(folder("other", {"sub/b": "2", "a": "1"})) == one
    assert files.sha256(folder("bytes", {"a": "1", "sub/b": "3"})) != one
    assert files.sha256(folder("names", {"a": "1", "sub/c": "2"})) != one
    assert files.sha256(folder("moved", {"a": "12", "sub/b": ""})) != one


def test_a_file_does_not_take_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept").write_text("precious")
    with pytest.raises(IsADirectoryError):
        files.write_text(tmp_path / "mine", "a report")
    assert (tmp_path / "mine" / "kept").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
