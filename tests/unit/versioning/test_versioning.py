from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from dfpt.cli.data import app
from dfpt.errors import StepFailed, UsageError
from dfpt.versioning import repository as dvc
from dfpt.versioning import revisions
from tests import versioned
from tests.versioned import git

pytest_plugins = ("tests.versioned",)


def test_a_tracked_folder_is_what_prepare_reads_and_its_commits_are_listed(repository: Path) -> None:
    versioned.write_digits(repository / "data" / "line", 0, 8)
    done = CliRunner().invoke(app, ["add", "data/line"])
    assert done.exit_code == 0, done.output
    assert "git add data/line.dvc data/.gitignore dvc.yaml params.yaml && git commit" in done.output
    assert "data/line" in yaml.safe_load((repository / "dvc.yaml").read_text())["stages"]["prepare"]["deps"]
    assert yaml.safe_load((repository / "params.yaml").read_text())["data"]["source"] == "folder:data/line"
    assert (repository / "dvc.yaml").read_text().startswith("# The steps of")  # comments stay
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "eight digits")
    versioned.write_digits(repository / "data" / "line", 8, 12)
    dvc.track(Path("data/line"))
    git(repository, "commit", "--quiet", "-am", "twelve digits")
    found = revisions.revisions()
    assert [revision.subject for revision in found] == ["twelve digits", "eight digits"]
    assert {revision.prepared for revision in found} == {None}
    hashes = [revision.raw["data/line"] for revision in found]
    assert len(set(hashes)) == 2
    assert all(one.endswith(".dir") for one in hashes)
    listed = json.loads(CliRunner().invoke(app, ["versions", "--json"]).stdout)
    assert [version["revisions"][0]["raw"]["data/line"] for version in listed] == hashes


def test_images_go_to_s3_and_come_back(repository: Path, s3: str) -> None:
    versioned.write_digits(repository / "data" / "line", 0, 8)
    versioned.add_remote(repository, s3)
    dvc.track(Path("data/line"))
    before = {path.name: path.read_bytes() for path in (repository / "data" / "line").rglob("*.png")}
    assert dvc.send(None) == 9  # eight images and the list of them
    assert dvc.send(None) == 0
    shutil.rmtree(repository / "data" / "line")
    shutil.rmtree(repository / ".dvc" / "cache")
    assert dvc.get(None)["fetched"] == 9
    assert {path.name: path.read_bytes() for path in (repository / "data" / "line").rglob("*.png")} == before


def test_a_remote_that_is_away_is_named_and_nothing_is_lost(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    versioned.write_digits(repository / "data" / "line", 0, 4)
    versioned.add_remote(repository, address)
    dvc.track(Path("data/line"))
    with pytest.raises(StepFailed, match=rf"Cannot push to the remote 'store' \(s3://images/dfpt at {address}\): ."):
        dvc.send(None)
    with pytest.raises(UsageError, match="DVC knows no remote 'other'; it has store"):
        dvc.send("other")
    assert len(list((repository / "data" / "line").rglob("*.png"))) == 4


def test_what_the_remote_lacks_is_named(repository: Path, tmp_path: Path) -> None:
    versioned.write_digits(repository / "data" / "line", 0, 4)
    versioned.program(repository, "dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    dvc.track(Path("data/line"))
    shutil.rmtree(repository / "data" / "line")
    shutil.rmtree(repository / ".dvc" / "cache")
    with pytest.raises(StepFailed, match=r"Cannot pull from the remote 'store' .*: it lacks .*line"):
        dvc.get(None)


def test_a_folder_that_cannot_be_tracked_is_named(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="No folder data/gone"):
        dvc.track(Path("data/gone"))
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(UsageError, match="is outside the repository"):
        dvc.track(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="DVC knows no default remote; it has none"):
        dvc.send(None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="is in no DVC repository"):
        revisions.revisions()
