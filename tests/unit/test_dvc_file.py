"""What a revision's images are is looked up in the repository, and everything that is wrong there is a usage error."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from dfpt import dvc_file
from dfpt.cli.data import app
from dfpt.config import Data, resolve, with_images
from dfpt.errors import UsageError
from dfpt.versioning import repository as dvc
from tests import versioned
from tests.versioned import git, program

pytest_plugins = ("tests.versioned",)


@pytest.fixture
def line(repository: Path) -> Path:
    """Four digits at the tag v1, and a remote whose credentials stay here."""
    versioned.write_digits(repository / "data" / "line", 0, 4)
    versioned.add_remote(repository, "http://store.plant.local:9000")
    program(repository, "dvc", "remote", "modify", "--local", "store", "secret_access_key", "hidden")
    dvc.track(Path("data/line"))
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "four digits")
    git(repository, "tag", "v1")
    return repository


def test_a_revision_comes_to_a_hash_and_a_place_without_credentials(line: Path) -> None:
    found = dvc_file.find("data/line", "v1", None)
    tracked = yaml.safe_load((line / "data" / "line.dvc").read_text())["outs"][0]["md5"]
    assert (found.md5, found.url) == (tracked, "s3://images/dfpt")
    assert found.commit == git(line, "rev-parse", "HEAD")
    assert found.options["endpointurl"] == "http://store.plant.local:9000"
    assert "hidden" not in found.model_dump_json()
    assert dvc_file.credentials(found.url)["secret_access_key"] == "hidden"
    assert dvc_file.credentials("s3://elsewhere") == {}


def test_what_cannot_be_looked_up_is_named(line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="knows no revision 'v9'"):
        dvc_file.find("data/line", "v9", None)
    with pytest.raises(UsageError, match=r"Revision v1 \(.*\) has no data/other under DVC"):
        dvc_file.find("data/other", "v1", None)
    with pytest.raises(UsageError, match="DVC knows no remote 'other'; it has store"):
        dvc_file.find("data/line", "v1", "other")
    program(line, "dvc", "remote", "add", "--default", "loose", "https://kim:secret@store.plant.local/dfpt")
    with pytest.raises(UsageError, match="The URL of DVC's remote 'loose' holds a password"):
        dvc_file.find("data/line", "v1", None)
    file = line / "data" / "line.dvc"
    file.write_text(file.read_text().replace("  hash: md5\n", ""))
    git(line, "commit", "--quiet", "-am", "as DVC 2 wrote it")
    with pytest.raises(UsageError, match=r"line.dvc of revision HEAD was written by DVC 2"):
        dvc_file.find("data/line", "HEAD", "store")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="not a git repository") as error:
        dvc_file.find("data/line", "v1", None)
    assert "dfpt data pin" in error.value.remedy


def test_a_pinned_file_needs_no_repository(line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (line / "params.yaml").read_text()
    assert CliRunner().invoke(app, ["pin", "v1", "--dry-run"]).exit_code == 0
    assert (line / "params.yaml").read_text() == before
    done = CliRunner().invoke(app, ["pin", "v1"])
    assert done.exit_code == 0, done.output
    assert f"params.yaml names the images of v1 ({git(line, 'rev-parse', 'HEAD')[:12]})" in done.stdout
    monkeypatch.chdir(tmp_path)
    pinned = resolve(line / "params.yaml")
    assert with_images(pinned) == pinned.data
    assert pinned.data.stored == dvc_file.Pointer.model_validate(pinned.data.stored.model_dump())
    other = resolve(line / "params.yaml", assignments=["data.revision=v2"])
    with pytest.raises(UsageError, match="not a git repository"):  # what was looked up is another revision's
        with_images(other)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"source": "elpv", "revision": "v1"}, r"needs a source of files \(folder, parquet, cifar10, cifar100\)"),
        ({"source": "folder:x", "remote": "store"}, r"data.remote is read only with data.revision"),
        ({"source": "folder:x", "revision": "--output=x"}, "revision"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Data.model_validate(settings)
