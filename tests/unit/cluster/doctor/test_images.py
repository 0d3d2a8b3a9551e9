"""What the doctor says of the images of a revision: their remote, and the keys to it."""

from __future__ import annotations

import pytest

from dfpt.cluster.config import Cluster
from dfpt.cluster.doctor import images
from dfpt.dvc_file import Pointer
from dfpt.finding import Finding

pytest_plugins = ("tests.versioned",)


def found(cluster: Cluster, url: str, **options: str) -> dict[str, Finding]:
    stored = Pointer(revision="v1", commit="c" * 40, md5="a" * 32 + ".dir", url=url, options=options)
    return {one.name: one for one in images.of_revision(cluster, stored)}


def test_an_object_store_that_answers_and_the_keys_of_prepare(s3: str) -> None:
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    secret = {"dfpt-data": {"keys": keys, "steps": ["prepare"]}}
    assert all(one.ok for one in found(Cluster(secrets=secret), "s3://images/dfpt", endpointurl=s3).values())


def test_a_store_that_is_away_and_keys_that_another_step_has() -> None:
    secret = {"dfpt-data": {"keys": ("AWS_ACCESS_KEY_ID",), "steps": ["distil"]}}
    said = found(Cluster(secrets=secret), "s3://images/dfpt", endpointurl="http://127.0.0.1:9")
    assert (said["data remote"].ok, said["data remote"].essential) == (False, True)
    assert said["data credentials"].found == "no Secret gives prepare AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    assert not said["data credentials"].essential  # the account may have a role of its own


@pytest.mark.parametrize(("path", "ok"), [("/mnt/nas", True), ("/mnt/na", False)])
def test_a_folder_has_to_be_mounted(path: str, ok: bool) -> None:
    said = found(Cluster(volumes=({"claim": "nas", "path": path},)), "/mnt/nas/dfpt")
    assert said["data remote"].ok is ok
