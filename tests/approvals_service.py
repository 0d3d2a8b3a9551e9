"""The approvals service over a real registry, and people at it: a plugin for the modules that name it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dfpt.approvals import accounts, sessions, settings, tokens
from dfpt.approvals.app import create_app
from dfpt.approvals.tables import Account
from dfpt.approvals.tokens import Scope
from dfpt.bench.approvals import candidates
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request
from dfpt.registry.handle import Registry

pytest_plugins = "tests.mlflow_home"

URL = "http://127.0.0.1:8080"
ROLES = """
people:
  victor: [viewer]
  rita: [requester]
  ada: [requester, approver]
  bob: [approver]
  carol: [admin]
  nobody: []
others: []
four_eyes: true
"""


@dataclass
class Desk:
    """A service, and what it takes to be somebody there."""

    app: FastAPI
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def registry(self) -> Registry:
        registry: Registry = self.app.state.service.registry
        return registry

    def account(self, name: str) -> Account:
        known = {account.name: account for account in accounts.listed(self.registry.engine)}
        return known.get(name) or accounts.add(self.registry.engine, name)

    def actor(self, name: str) -> Actor:
        return Actor(name, self.account(name).subject)

    def token(self, name: str, *scopes: Scope) -> str:
        return tokens.create(self.registry.engine, self.account(name), "test", scopes or tuple(Scope), 1).secret

    def program(self, name: str, *scopes: Scope) -> TestClient:
        """With a token of ``name``, for everything or for ``scopes``."""
        return self.anybody(headers={"Authorization": f"Bearer {self.token(name, *scopes)}"})

    def browser(self, name: str) -> TestClient:
        """Signed in as ``name``; ``headers`` carry the form's token."""
        service = self.app.state.service
        secret = sessions.start(self.registry.engine, service.settings, self.account(name))
        return self.anybody(
            cookies={"dfpt_session": secret}, headers={"X-CSRF-Token": sessions.form_token(secret), "Origin": URL}
        )

    def anybody(self, **given: Any) -> TestClient:
        return TestClient(self.app, base_url=URL, follow_redirects=False, **given)

    def submit(self, by: str = "rita", name: str = "elpv") -> Request:
        """A new candidate, its approval asked for."""
        weights = f"weights {next(self._numbers)}".encode()
        return candidates.submit(self.registry, name, weights, self.actor(by))


Open = Callable[..., Desk]


@pytest.fixture
def open_desk(home: Path) -> Iterator[Open]:
    """Opens the service on ``home``; takes settings."""
    opened = []

    def open_desk(policy: str = ROLES, **given: Any) -> Desk:
        (home / "approvals.yaml").write_text(policy)
        given = {"writes_per_minute": 100_000, "logins_per_minute": 100_000} | given
        desk = Desk(create_app(settings.load(home, {}, **given)))
        opened.append(desk)
        return desk

    yield open_desk
    for desk in opened:
        desk.app.state.service.close()


@pytest.fixture
def desk(open_desk: Open) -> Desk:
    return open_desk()


@pytest.fixture
def served() -> Iterator[Callable[[FastAPI], str]]:
    """Puts an application on a free port of loopback; returns its URL."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def serve(app: FastAPI) -> str:
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            thread.join(0.01)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join(10)


def problem(answer: httpx.Response) -> str:
    """The last word of the problem's type."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found = answer.json()
    assert found["status"] == answer.status_code
    assert found["detail"]
    return str(found["type"]).rpartition(":")[2]
