"""A registry under a policy, and people who act at it: a plugin for the modules that name it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from dfpt.registry import promotion, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request
from dfpt.registry.handle import Registry, open_registry
from dfpt.registry.policy_config import Policy

pytest_plugins = ("tests.mlflow_home", "tests.unit.registry.databases")

Submit = Callable[..., Any]
Open = Callable[..., Registry]
ADA, BOB, CAROL, EVE = (Actor(name, name, "10.0.0.1") for name in ("ada", "bob", "carol", "eve"))
PEOPLE = {"ada": ["requester", "approver"], "bob": ["approver"], "carol": ["admin"], "dan": ["approver"]}
PRODUCTION = {"four_eyes": True, "people": PEOPLE, "others": ["viewer"]}
FROZEN = {"freeze": {"year-end": {"starts": "2000-01-01 00:00", "ends": "2999-01-01 00:00", "time_zone": "Asia/Tokyo"}}}


@pytest.fixture
def open_with(home: Path) -> Open:
    """Opens the registry under a policy."""

    def open_(**rules: Any) -> Registry:
        return dataclasses.replace(open_registry(home), policy=Policy.model_validate(rules))

    return open_


def approve(registry: Registry, actor: Actor, version: int = 1, **how: Any) -> Request:
    return promotion.approve(registry, "elpv", version, actor, "looked at every miss", **how)


def actions(registry: Registry, version: int = 1) -> list[tuple[str, str]]:
    return [(record.action, record.actor) for record in requests.log(registry.engine, "elpv", version)]


def age(registry: Registry, days: float) -> None:
    """Make every request older."""
    moment = datetime.now(UTC) - timedelta(days=days)
    with registry.engine.execution_options(dfpt_write=True).begin() as connection:
        connection.execute(update(Request).values(requested_at=moment))
