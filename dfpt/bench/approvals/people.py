"""A service in a process of its own, over candidates to decide about, and people with tokens for it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dfpt.approvals import accounts, tokens
from dfpt.approvals.database import open_tables
from dfpt.approvals.tokens import Scope
from dfpt.bench.approvals.candidates import submit
from dfpt.registry import promotion
from dfpt.registry.actor import Actor
from dfpt.registry.handle import Registry, open_registry
from dfpt.runtime import servers
from dfpt.tracking import store

MODELS = ("alpha", "beta", "gamma", "delta")
_PEOPLE = 8
_START_SECONDS = 120.0
_LIMITS = {"DFPT_SERVICE_WRITES_PER_MINUTE": "1000000", "DFPT_SERVICE_SWEEP_SECONDS": "10"}


@dataclass(frozen=True)
class Place:
    """What is measured.

    Attributes:
        tokens: one for each person; all people may do everything.
        versions: of each model, when it begins.
        process: of the service.
    """

    url: str
    tokens: tuple[str, ...]
    versions: int
    registry: Registry
    process: int

    def cpu_seconds(self) -> float | None:
        """What the service's process has used so far; None where the system does not tell (it is Linux's /proc)."""
        try:
            fields = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(home: Path, candidates: int) -> Iterator[Place]:
    """The service over ``candidates`` of each model, of which the first two have been promoted; stopped at the end."""
    store.ensure(home, "bench")
    registry = open_registry(home)
    for model in MODELS:
        for number in range(candidates):
            request = submit(registry, model, f"{model} {number}".encode(), Actor("rita", "rita"))
            if number < 2:
                promotion.approve(registry, model, request.version, Actor("bob", "bob"), "to have a way back")
    engine = open_tables(home).engine
    people = [accounts.add(engine, f"person-{number}") for number in range(_PEOPLE)]
    secrets = tuple(tokens.create(engine, person, "bench", tuple(Scope), 1).secret for person in people)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "dfpt.cli.main", "approvals", "serve", "--port", str(port), "--home", str(home)]
    log = home / "approvals-service.log"
    with servers.running(
        "The approvals service", command, f"{url}/health/live", _LIMITS, log, _START_SECONDS
    ) as process:
        yield Place(url, secrets, candidates, registry, process.pid)
