"""Images of a revision come from DVC's remote, whole and as the hash says, or there is an error that says why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import requests

from dfpt.config import Data
from dfpt.datasets import stored
from dfpt.dvc_file import Pointer, find
from dfpt.errors import StepFailed, UsageError
from dfpt.versioning import repository as dvc
from tests import versioned

pytest_plugins = ("tests.versioned",)


@pytest.fixture
def data(repository: Path, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Data:
    """The images of v1 as a pod is told of them, which has no clone."""
    versioned.two_revisions(repository, s3)
    pointer = find("data/line", "v1", None)
    monkeypatch.chdir(tmp_path)
    return Data(source="folder:data/line", revision="v1", stored=pointer)


def changed(data: Data, **more: object) -> Data:
    pointer = Pointer.model_validate(data.stored.model_dump() | more)
    return data.model_copy(update={"stored": pointer})


def images(bucket: Any, data: Data) -> list[Any]:
    """The objects in the bucket that the list of ``data`` names."""
    listed = json.loads(named(bucket, data.stored.md5).get()["Body"].read())
    return [named(bucket, entry["md5"]) for entry in listed]


def named(bucket: Any, md5: str) -> Any:
    return bucket.Object(f"dfpt/files/md5/{md5[:2]}/{md5[2:]}")


def test_a_revision_has_its_own_images_and_what_is_there_is_not_fetched_again(
    data: Data, s3: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    assert len(list(stored.bring(data, home).rglob("*.png"))) == 8
    monkeypatch.chdir(repository)
    newer = data.model_copy(update={"revision": "v2", "stored": find("data/line", "v2", None)})
    bucket = versioned.store(s3)
    for image in images(bucket, data):  # only the eight that v2 has besides may be asked for
        image.delete()
    assert len(list(stored.bring(newer, home).rglob("*.png"))) == 16
    assert len(list(stored.bring(data, home).rglob("*.png"))) == 8  # the older one stays what it was


@pytest.mark.parametrize("spoiled", ["image", "list"])
def test_other_bytes_than_the_hash_says_are_refused_and_a_mended_remote_is_read(
    data: Data, s3: str, tmp_path: Path, spoiled: str
) -> None:
    bucket, home = versioned.store(s3), tmp_path / "home"
    found = images(bucket, data)[3] if spoiled == "image" else named(bucket, data.stored.md5)
    md5 = found.key.removeprefix("dfpt/files/md5/").replace("/", "")
    content = found.get()["Body"].read()
    found.put(Body=content.replace(b"0000.png", b"0009.png") if spoiled == "list" else b"x" + content[1:])
    with pytest.raises(StepFailed, match=f"s3://images/dfpt holds other data than revision v1 names.*{md5}"):
        stored.bring(data, home)
    assert not list(home.rglob("*.png"))
    found.put(Body=content)
    assert len(list(stored.bring(data, home).rglob("*.png"))) == 8


def test_what_the_remote_lacks_is_named_and_the_next_attempt_goes_on(data: Data, s3: str, tmp_path: Path) -> None:
    bucket, home = versioned.store(s3), tmp_path / "home"
    lost, *others = images(bucket, data)
    content = lost.get()["Body"].read()
    lost.delete()
    with pytest.raises(StepFailed, match=r"Cannot fetch the data of revision v1 .*: not there: ") as error:
        stored.bring(data, home)
    assert "git checkout" in error.value.remedy
    assert "dfpt data push" in error.value.remedy
    lost.put(Body=content)
    for image in others:  # what came the first time is not asked for again
        image.delete()
    assert len(list(stored.bring(data, home).rglob("*.png"))) == 8


def test_a_remote_that_is_away_a_bucket_that_is_not_there_and_no_credentials_are_told_apart(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StepFailed, match=r"at http://127.0.0.1:9: Could not connect to the endpoint URL"):
        stored.bring(changed(data, options={"endpointurl": "http://127.0.0.1:9"}), tmp_path / "away")
    with pytest.raises(StepFailed, match=r"s3://other/dfpt .*: not there: The specified bucket does not exist"):
        stored.bring(changed(data, url="s3://other/dfpt"), tmp_path / "other")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="Unable to locate credentials") as error:
        stored.bring(data, tmp_path / "nobody")
    assert "cluster.secrets" in error.value.remedy


def test_a_remote_that_says_no_is_a_usage_error(data: Data, s3: str, tmp_path: Path) -> None:
    requests.post(f"{s3}/moto-api/reset-auth", data="0", timeout=10)  # from now on it asks who calls
    try:
        with pytest.raises(UsageError, match="Cannot fetch the data of revision v1") as error:
            stored.bring(data, tmp_path / "home")
    finally:
        requests.post(f"{s3}/moto-api/reset-auth", data="inf", timeout=10)
    assert "Give the credentials" in error.value.remedy


def test_a_file_alone_is_fetched_under_its_name(
    repository: Path, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versioned.add_remote(repository, s3)
    file = repository / "data" / "line.parquet"
    file.write_bytes(b"PAR1 not really")
    with dvc.opened() as repo:
        repo.add(str(file))
    versioned.git(repository, "add", "-A")
    versioned.git(repository, "commit", "--quiet", "-m", "a table")
    dvc.send(None)
    pointer = find("data/line.parquet", "HEAD", None)
    shutil.rmtree(repository / ".dvc" / "cache")
    monkeypatch.chdir(tmp_path)
    found = stored.bring(Data(source="parquet:data/line.parquet", revision="HEAD", stored=pointer), tmp_path / "home")
    assert (found.name, found.read_bytes()) == ("line.parquet", b"PAR1 not really")


def test_a_revision_that_nobody_looked_up_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="was not looked up") as error:
        stored.bring(Data(source="folder:data/line", revision="v1"), tmp_path)
    assert "dfpt data pin" in error.value.remedy
