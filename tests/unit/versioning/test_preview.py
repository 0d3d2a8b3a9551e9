"""A dry run of DVC's deeds counts what the deed then does, and changes neither repository nor remote."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dfpt.cli.data import app
from dfpt.errors import StepFailed, UsageError
from tests import versioned
from tests.unchanged import unchanged
from tests.versioned import git

pytest_plugins = ("tests.versioned",)


@pytest.fixture
def store(repository: Path, tmp_path: Path) -> Path:
    """The default remote, a folder; the repository has eight digits to track."""
    versioned.program(repository, "dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    versioned.write_digits(repository / "data" / "line", 0, 8)
    return tmp_path / "store"


def said(*words: str) -> Any:
    done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def rehearsed(repository: Path, store: Path, *words: str) -> Any:
    """What the dry run says; then the deed, which must say the same."""
    with unchanged(repository, store):
        expected = said(*words, "--dry-run")
        assert expected.pop("dry_run") is True
    done = said(*words)
    assert done.pop("dry_run") is False
    assert done == expected
    return done


def test_each_deed_does_what_its_dry_run_has_said(repository: Path, store: Path) -> None:
    added = rehearsed(repository, store, "add", "data/line")
    assert added["changed"] == ["data/line.dvc", "data/.gitignore", "dvc.yaml", "params.yaml"]
    assert rehearsed(repository, store, "push") == {"pushed": 9}  # eight images and the list of them
    assert rehearsed(repository, store, "push") == {"pushed": 0}
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "eight digits")

    versioned.write_digits(repository / "data" / "line", 8, 10)
    assert rehearsed(repository, store, "add", "data/line")["changed"] == added["changed"]
    git(repository, "commit", "--quiet", "-am", "ten digits")
    assert rehearsed(repository, store, "push", "--all") == {"pushed": 3}

    assert rehearsed(repository, store, "pull")["fetched"] == 0
    (repository / "data" / "line" / "mine.png").write_bytes(b"one that DVC does not know")
    shutil.rmtree(next((repository / "data" / "line").glob("digit-1")))
    shutil.rmtree(repository / ".dvc" / "cache")
    (repository / "data" / "line" / "mine.png").unlink()
    assert rehearsed(repository, store, "pull") == {"fetched": 11, "modified": 0, "added": 3, "deleted": 0}
    git(repository, "checkout", "--quiet", "HEAD~1")
    assert rehearsed(repository, store, "pull") == {"fetched": 1, "modified": 0, "added": 0, "deleted": 2}


def test_a_dry_run_refuses_what_the_deed_refuses(repository: Path, store: Path) -> None:
    for words, error in (
        (["add", "data/none"], UsageError),
        (["add", "data"], UsageError),
        (["push", "--remote", "other"], UsageError),
        (["pull"], StepFailed),
    ):
        if words == ["add", "data"]:
            said("add", "data/line")
        if words == ["pull"]:
            shutil.rmtree(repository / ".dvc" / "cache")
            shutil.rmtree(repository / "data" / "line")
        with unchanged(repository, store):
            refused = CliRunner().invoke(app, [*words, "--dry-run"]).exception
        assert isinstance(refused, error), (words, refused)
        assert type(CliRunner().invoke(app, words).exception) is type(refused)
