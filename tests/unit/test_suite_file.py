from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dfpt import config, suite_file
from dfpt.errors import UsageError


def expectation(check: str, **more: Any) -> dict[str, Any]:
    return {"type": "expect_column_to_exist", "kwargs": {"column": check}, "meta": {"check": check}, **more}


def write(folder: Path, name: str, *checks: str, **meta: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    suite = {"name": name, "expectations": [expectation(check) for check in checks], "meta": meta}
    path.write_text(json.dumps(suite))
    return path


def names(text: str) -> list[str]:
    return [suite_file.check_of(item) for item in json.loads(text)["expectations"]]


def test_a_suite_comes_after_the_one_that_it_extends_and_may_replace_and_leave_out(tmp_path: Path) -> None:
    write(tmp_path, "base", "a", "b", "c")
    path = write(tmp_path, "own", "b", "d", extends="base", leave_out=["c"])
    assert names(suite_file.text(str(path), "digits", "digits")) == ["a", "b", "d"]


def test_the_source_finds_its_own_file_before_that_of_its_kind_and_the_packaged_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert json.loads(suite_file.text(None, "digits", "digits"))["name"] == "default"
    assert json.loads(suite_file.text(None, "elpv", "elpv"))["name"] == "elpv"
    write(tmp_path / "data" / "expectations", "folder", "a")
    assert names(suite_file.text(None, "folder:/x/line-3", "line-3")) == ["a"]
    write(tmp_path / "data" / "expectations", "line-3", "b", extends="folder")
    assert names(suite_file.text(None, "folder:/x/line-3", "line-3")) == ["a", "b"]


@pytest.mark.parametrize("name", ["default", "elpv"])
def test_the_packaged_suite_is_the_one_at_the_root(name: str, root: Path) -> None:
    packaged = suite_file.PACKAGED / f"{name}.json"
    assert packaged.samefile(root / "data" / "expectations" / f"{name}.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "it needs a name and a list of expectations"),
        ('{"name": "x", "expectations": [{"kwargs": {}}]}', "expectation 0 lacks its type, kwargs or meta.check"),
        (json.dumps({"name": "x", "expectations": [expectation("a"), expectation("a")]}), "has the check 'a' twice"),
        ('{"name": "x", "expectations": [], "meta": {"extends": "own"}}', "extends itself"),
        ('{"name": "x", "expectations": [], "meta": {"extends": "gone"}}', "extends 'gone', of which there is no file"),
        ('{"name": "x", "expectations": [], "meta": {"extends": "elpv", "leave_out": ["z"]}}', "leaves out 'z'"),
    ],
)
def test_a_file_that_is_no_suite_is_named_with_what_lacks(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=message) as raised:
        suite_file.text(str(path), "digits", "digits")
    assert "own.json" in raised.value.message


def test_an_edited_suite_is_another_configuration_of_the_step_and_of_no_other(tmp_path: Path) -> None:
    path = write(tmp_path, "own", "a")
    resolved = config.resolve(None, None, [f"validation.suite={path}"], {})
    before = [config.for_step(resolved, step) for step in ("validate", "prepare")]
    write(tmp_path, "own", "a", "b")
    after = [config.for_step(resolved, step) for step in ("validate", "prepare")]
    assert before[0] != after[0]
    assert before[1] == after[1]
    assert "expectations" not in config.dump(resolved).replace("expectations: null", "")
