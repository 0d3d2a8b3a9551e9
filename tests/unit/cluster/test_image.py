from __future__ import annotations

import pytest

from dfpt.cluster.image import checked
from dfpt.errors import UsageError

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize("name", ["dfpt-python", "registry.example:5000/team/dfpt-python"])
def test_a_digest_is_kept_and_the_tag_beside_it_goes(name: str) -> None:
    assert checked(f"{name}@{DIGEST}", True) == f"{name}@{DIGEST}"
    assert checked(f"{name}:1.2@{DIGEST}", True) == f"{name}@{DIGEST}"
    assert checked(f"{name}:1.2", False) == f"{name}:1.2"


def test_production_refuses_a_tag() -> None:
    with pytest.raises(UsageError, match="not named by its digest") as caught:
        checked("dfpt-python:1.2", True)
    assert "--image" in caught.value.remedy


@pytest.mark.parametrize("wrong", ["", "dfpt python", "Dfpt:1", "dfpt@sha256:abc", f"dfpt@{DIGEST}0", "-x"])
def test_what_is_no_reference_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="is no image reference"):
        checked(wrong, False)
