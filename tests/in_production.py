"""A model with three versions in production, on a real MLflow: a plugin for the modules that name it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfpt.registry import aliases, artifacts, history, promotion, rollback
from dfpt.registry.actor import Actor
from dfpt.registry.handle import Registry, open_registry

Submit = Callable[..., Any]
BOB, CAROL = Actor("bob", "bob"), Actor("carol", "carol")


class Crash(BaseException):
    """The process ends: nothing below may catch it."""


@pytest.fixture
def registry(home: Path, submit: Submit) -> Registry:
    """Three versions in production, of which the third is the champion."""
    opened = open_registry(home)
    for version, weights in enumerate((b"one", b"two", b"three"), start=1):
        submit(weights)
        promotion.approve(opened, "elpv", version, BOB, f"good {version}")
    return opened


def back(registry: Registry, to: int | None = None, actor: Actor = CAROL) -> history.Deployment:
    return rollback.roll_back(registry, "elpv", actor, "misses cracks on line 3", to)


def pointed(registry: Registry) -> dict[str, int]:
    return aliases.pointed_at(registry.client, "elpv")


def files_of(registry: Registry, version: int) -> Path:
    return artifacts.local(registry.client.get_model_version("elpv-production", str(version)), registry.uri)
