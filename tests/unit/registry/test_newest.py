from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfpt.registry import newest, promotion
from dfpt.registry.actor import Actor
from dfpt.registry.errors import BytesChanged
from dfpt.registry.handle import open_registry

pytest_plugins = "tests.mlflow_home"


def test_the_newest_candidate_is_taken_until_there_is_a_champion(home: Path, submit: Callable[..., Any]) -> None:
    submit(b"first")
    submit(b"second")
    found = newest.fetch(home, "elpv")
    assert found is not None
    assert (found.name, found.version, found.alias) == ("elpv", 2, "candidate")
    assert (found.folder / "model.safetensors").read_bytes() == b"second"
    assert found.data_hash == "d" * 64

    promotion.approve(open_registry(home), "elpv", 1, Actor("bob", "bob"), "good")
    found = newest.fetch(home, "elpv")
    assert found is not None
    assert (found.name, found.version, found.alias) == ("elpv-production", 1, "champion")
    assert (found.folder / "model.safetensors").read_bytes() == b"first"
    assert found.data_hash == "d" * 64


def test_where_nothing_is_registered_there_is_none_and_looking_makes_nothing(home: Path, tmp_path: Path) -> None:
    assert newest.fetch(home, "elpv") is None
    assert newest.fetch(tmp_path / "fresh", "elpv") is None
    assert not (tmp_path / "fresh").exists()


def test_changed_bytes_are_not_used(home: Path, submit: Callable[..., Any]) -> None:
    submit(b"weights")
    found = newest.fetch(home, "elpv")
    assert found is not None
    (found.folder / "model.safetensors").write_bytes(b"others")
    with pytest.raises(BytesChanged):
        newest.fetch(home, "elpv")
