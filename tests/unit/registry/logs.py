"""A log with something in it."""

from __future__ import annotations

from dfpt.registry import requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import State
from dfpt.registry.store import Store

ADA, BOB = Actor("ada", "ada", "10.0.0.7"), Actor("bob", "bob", "10.0.0.8")


def five_records(store: Store) -> None:
    for version in (1, 2, 3):
        requests.file(store, "elpv", version, f"w{version}", f"a{version}", ADA)
    for version in (1, 2):
        request = requests.latest(store.engine, "elpv", version)
        assert request is not None
        requests.transition(store, request, State.PENDING, State.REJECTED, BOB, "misses cracks")
