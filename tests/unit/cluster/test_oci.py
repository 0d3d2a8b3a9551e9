"""A tag is resolved by asking a real registry; what it refuses, and that it is away, are said."""

from __future__ import annotations

import base64
import json
import socket
from pathlib import Path

import pytest
import yaml

from dfpt.cluster import oci
from dfpt.cluster.config import Cluster
from dfpt.cluster.doctor import needs
from dfpt.errors import StepFailed, UsageError
from pipelines import compile as compiling
from tests import image_registry
from tests.image_registry import NAME, PASSWORD, TAG, USER, Start

pytest_plugins = ("tests.image_registry",)


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No login of the person who runs the tests is used."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)


def login(file: Path, registry: str, password: str = PASSWORD) -> Path:
    """As ``podman login`` and ``docker login`` leave it."""
    file.parent.mkdir(exist_ok=True)
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    file.write_text(json.dumps({"auths": {registry: {"auth": auth}}}))
    return file


def test_the_compiled_pipeline_has_the_digest_that_the_tag_is_now(registry: Start, tmp_path: Path) -> None:
    place, digest = registry()
    cluster = Cluster(image=f"{place}/{NAME}:{TAG}", require_digest=True)
    for write in (compiling.compile_pipeline, compiling.compile_manifests):
        text = write(cluster, tmp_path / "out.yaml").read_text()
        assert f"{place}/{NAME}@{digest}" in text
        assert f"{NAME}:{TAG}" not in text
    unasked = cluster.model_copy(update={"require_digest": False, "resolve_digest": False})
    found = next(yaml.safe_load_all(compiling.compile_pipeline(unasked, tmp_path / "out.yaml").read_text()))
    images = {executor["container"]["image"] for executor in found["deploymentSpec"]["executors"].values()}
    assert images == {f"{place}/{NAME}:{TAG}"}


def test_the_doctor_says_what_the_tag_is_now_or_that_it_is_not_there(registry: Start) -> None:
    place, digest = registry()
    said = needs.reference(Cluster(image=f"{place}/{NAME}:{TAG}"))
    assert (said.ok, said.found) == (True, f"{place}/{NAME}:{TAG} is now {place}/{NAME}@{digest}")
    said = needs.reference(Cluster(image=f"{place}/{NAME}:other"))
    assert (said.ok, said.essential) == (False, True)
    assert "has no" in said.found


@pytest.mark.parametrize(
    ("registry", "name", "address"),
    [
        ("localhost:5001", "dfpt", "http://localhost:5001/v2/dfpt"),
        ("registry.example", "team/dfpt", "https://registry.example/v2/team/dfpt"),
        ("docker.io", "dfpt", "https://registry-1.docker.io/v2/library/dfpt"),
    ],
)
def test_only_this_machines_registry_is_spoken_to_without_tls(registry: str, name: str, address: str) -> None:
    assert oci.repository(registry, name) == address


def test_a_tag_and_a_name_that_are_not_there_are_named(registry: Start) -> None:
    place, _ = registry()
    with pytest.raises(UsageError, match=f"The registry {place} has no {place}/{NAME}:other"):
        oci.digest(place, NAME, "other")
    with pytest.raises(UsageError, match=f"has no {place}/nothing:1"):
        oci.digest(place, "nothing", "1")


def test_user_and_password_come_from_dockers_login(registry: Start, tmp_path: Path) -> None:
    place, digest = registry(**image_registry.basic(tmp_path))
    with pytest.raises(UsageError, match=r"does not give .* to this login \(401\)") as error:
        oci.digest(place, NAME, TAG)
    assert f"podman login {place}" in error.value.remedy
    file = login(tmp_path / "docker" / "config.json", place, "wrong")
    with pytest.raises(UsageError, match=r"to this login \(401\)") as error:
        oci.digest(place, NAME, TAG)
    assert "wrong" not in str(error.value)
    login(file, place)
    assert oci.digest(place, NAME, TAG) == digest


def test_a_token_is_asked_for_with_the_login_or_as_nobody(
    registry: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with image_registry.tokens(tmp_path) as (auth, asked):
        place, digest = registry(**auth)
        with pytest.raises(UsageError, match=r"to this login \(401\)"):  # a stranger's token allows nothing here
            oci.digest(place, NAME, TAG)
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(login(tmp_path / "podman" / "auth.json", place)))
        assert oci.digest(place, NAME, TAG) == digest
        login(tmp_path / "podman" / "auth.json", place, "wrong")
        with pytest.raises(UsageError, match=rf"does not give a token for {place}/{NAME} to this login \(401\)"):
            oci.digest(place, NAME, TAG)
    assert asked == ["", USER, USER]


def test_a_login_that_cannot_be_read_is_named(registry: Start, tmp_path: Path) -> None:
    place, _ = registry(**image_registry.basic(tmp_path))
    file = login(tmp_path / "docker" / "config.json", place)
    file.write_text(json.dumps({"credsStore": "not-installed"}))
    with pytest.raises(UsageError, match=f"The login for {place} cannot be read"):
        oci.digest(place, NAME, TAG)


def test_a_registry_that_is_away_fails_and_may_be_asked_again() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(StepFailed, match=f"The registry {place} .* does not answer: .*refused") as error:
        oci.digest(place, NAME, TAG)
    assert "by its digest" in error.value.remedy
