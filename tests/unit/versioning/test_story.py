"""Commits, the state folder and the registry tell one story, put together by the data hash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from dfpt.cli.data import app
from dfpt.datasets import version_record
from dfpt.datasets.version_record import Record
from dfpt.versioning import story
from dfpt.versioning.revisions import Revision

pytest_plugins = ("tests.mlflow_home",)

KNOWN = "d" * 64  # what the registered students were trained on


def revision(commit: str, prepared: str | None, data_hash: str | None) -> Revision:
    at = f"2026-01-0{len(commit)}T00:00:00+00:00"
    return Revision(commit, at, commit, {"data/line": "1.dir"}, prepared, data_hash)


def test_models_and_commits_meet_at_the_data_hash(home: Path, submit: Callable[..., Any]) -> None:
    submit(b"first")
    submit(b"second", accuracy=0.8)
    records = [
        Record("digits", KNOWN, "2026-01-01T00:00:00+00:00", 100, {"a": 100}, {}),
        Record("digits", "e" * 64, "2026-02-01T00:00:00+00:00", 120, {"a": 120}, {}),
    ]
    commits = [revision("bb", "2.dir", None), revision("a", "1.dir", KNOWN), revision("ccc", None, None)]
    listed = story.versions(commits, records, home)
    found = {version.data_hash or version.revisions[0].commit: version for version in listed}
    assert next(iter(found)) == "e" * 64
    assert [(model["version"], model["accuracy"]) for model in found[KNOWN].models] == [(2, 0.8), (1, 0.75)]
    assert [one.commit for one in found[KNOWN].revisions] == ["a"]
    assert (found[KNOWN].images, found[KNOWN].source) == (100, "digits")
    assert (found["e" * 64].models, found["e" * 64].revisions) == ([], [])
    assert {"bb", "ccc"} <= set(found)


def test_versions_are_listed_where_there_is_no_repository(
    home: Path, submit: Callable[..., Any], tmp_path: Path, monkeypatch: Any
) -> None:
    submit()
    version_record.keep(home, Record("digits", KNOWN, "2026-01-01T00:00:00+00:00", 100, {"a": 100}, {}))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["versions", "--home", str(home)], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    assert KNOWN[:12] in done.stdout
    assert "elpv/1 (pending, 75.0%)" in done.stdout
    assert "is in no DVC repository" in done.stderr


def test_a_state_folder_without_a_registry_is_not_given_one(tmp_path: Path) -> None:
    assert story.versions([], [], tmp_path) == []
    assert list(tmp_path.iterdir()) == []
