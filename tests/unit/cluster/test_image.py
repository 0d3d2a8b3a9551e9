from __future__ import annotations

import pytest

from dfpt.cluster.image import named
from dfpt.errors import UsageError

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize("name", ["dfpt-python", "registry.example:5000/team/dfpt-python"])
def test_a_digest_is_kept_and_the_tag_beside_it_goes(name: str) -> None:
    assert named(f"{name}@{DIGEST}", True, None) == f"{name}@{DIGEST}"
    assert named(f"{name}:1.2@{DIGEST}", True, None) == f"{name}@{DIGEST}"
    assert named(f"{name}:1.2", False, None) == f"{name}:1.2"


def test_production_refuses_a_tag() -> None:
    with pytest.raises(UsageError, match="not named by its digest") as caught:
        named("dfpt-python:1.2", True, None)
    assert "--image" in caught.value.remedy


@pytest.mark.parametrize("wrong", ["", "dfpt python", "Dfpt:1", "dfpt@sha256:abc", f"dfpt@{DIGEST}0", "-x"])
def test_what_is_no_reference_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="is no image reference"):
        named(wrong, False, None)


def asked(registry: str, name: str, tag: str) -> str:
    assert (registry, name, tag) == ("registry.example:5000", "team/dfpt-python", "1.2")
    return DIGEST


def test_a_tag_becomes_the_digest_that_its_registry_has_for_it() -> None:
    name = "registry.example:5000/team/dfpt-python"
    assert named(f"{name}:1.2", True, asked) == f"{name}@{DIGEST}"
    assert named(f"{name}@{DIGEST}", True, asked) == f"{name}@{DIGEST}"  # and is not asked


def test_an_image_without_a_registry_is_nobodys_to_ask() -> None:
    assert named("dfpt-python:1.2", False, asked) == "dfpt-python:1.2"
    with pytest.raises(UsageError, match="not named by its digest"):
        named("team/dfpt-python:1.2", True, asked)


def test_no_tag_is_the_tag_latest() -> None:
    assert named("localhost/dfpt", False, lambda *asked: f"sha256:{'/'.join(asked)}").endswith("localhost/dfpt/latest")
