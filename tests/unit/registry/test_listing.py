from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dfpt.registry import listing, promotion
from dfpt.registry.actor import Actor
from dfpt.registry.errors import NotFound
from dfpt.registry.handle import open_registry

pytest_plugins = "tests.mlflow_home"


def test_candidates_and_production_are_listed_with_status_aliases_and_figures(
    home: Path, submit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = open_registry(home)
    for weights, accuracy in ((b"one", 0.5), (b"two", 0.75)):
        submit(weights, accuracy)
        version = listing.entries(registry, "elpv")[0].version
        promotion.approve(registry, "elpv", version, Actor("bob", "bob"), "good")
    submit(b"three")
    registry.client.create_registered_model("somebody's")

    pages = partial(registry.client.search_registered_models, max_results=1)  # as of more models than one page has
    monkeypatch.setattr(registry.client, "search_registered_models", pages)
    found = {f"{entry.name}/{entry.version}": (entry.status, entry.aliases) for entry in listing.entries(registry)}

    assert found == {
        "elpv/3": ("pending", ["candidate"]),
        "elpv/2": ("promoted", []),
        "elpv/1": ("promoted", []),
        "elpv-production/2": ("champion", ["champion"]),
        "elpv-production/1": ("previous", ["previous"]),
    }
    assert listing.entry(registry, "elpv-production", 2).metrics["accuracy"] == 0.75
    assert listing.entry(registry, "elpv-production", 2).tags["approved_by"] == "bob"


def test_an_unknown_version_is_named(home: Path) -> None:
    with pytest.raises(NotFound, match="no elpv/7"):
        listing.entry(open_registry(home), "elpv", 7)
