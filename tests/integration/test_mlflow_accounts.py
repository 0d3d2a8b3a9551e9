"""A stock MLflow with accounts: trainers make candidates, the service promotes them, and nobody else can."""

from __future__ import annotations

import json
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowException
from requests import HTTPError

from dfpt.cli import up
from dfpt.errors import StepFailed
from dfpt.registry import (
    aliases,
    artifacts,
    audit,
    candidates,
    champion,
    promotion,
    reconcile,
    requests,
    reservation,
    rollback,
)
from dfpt.registry.actor import Actor
from dfpt.registry.errors import ForeignModel
from dfpt.registry.handle import open_registry
from dfpt.runtime import mlflow_accounts
from dfpt.runtime.mlflow_accounts import APPROVALS, TRAINER, Accounts
from dfpt.tracking import store

pytest_plugins = "tests.mlflow_home"

BOB = Actor("bob", "bob")
OLD_MODELS = 101  # one more than MLflow lists at once
Become = Callable[[str], None]


def test_passwords_are_made_once_and_are_their_owners(tmp_path: Path) -> None:
    accounts = mlflow_accounts.prepare(tmp_path)
    made = {name: accounts.password(name) for name in (APPROVALS, TRAINER)}

    assert {name: mlflow_accounts.prepare(tmp_path).password(name) for name in made} == made
    assert len(set(made.values())) == 2
    assert all(len(password) >= 24 for password in made.values())
    for name in (APPROVALS, TRAINER, "server-key"):
        assert stat.S_IMODE(accounts.password_file(name).stat().st_mode) == 0o600
    assert stat.S_IMODE(accounts.folder.stat().st_mode) == 0o700
    assert not set(made.values()) & set((accounts.folder / "auth.ini").read_text().split())


class FakeMlflow(BaseHTTPRequestHandler):
    """A fake of MLflow's accounts that can break off: knows the trainer, refuses the second thing it is to own."""

    known: bool
    owned: list[str]
    breaks_at: int | None

    def do_POST(self) -> None:
        wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state = type(self)
        if "resource_id" not in wish:
            self._answer(400 if state.known else 200, "RESOURCE_ALREADY_EXISTS" if state.known else "{}")
            state.known = True
        elif len(state.owned) == state.breaks_at:
            self._answer(500, "cut")
        else:
            state.owned.append(wish["resource_id"])
            self._answer(200, "{}")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_what_was_made_before_is_the_trainers_even_where_the_first_start_broke_off(home: Path) -> None:
    store.ensure(home, "elpv")
    uri = f"sqlite:///{home / 'mlflow.db'}"
    for name in ("elpv", "screws", "elpv-production"):
        store.client(uri).create_registered_model(name)
    accounts = mlflow_accounts.prepare(home)
    server = type("Server", (FakeMlflow,), {"known": False, "owned": [], "breaks_at": 1})
    with HTTPServer(("127.0.0.1", 0), server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{running.server_port}"
        with pytest.raises(StepFailed, match="500"):
            mlflow_accounts.ensure_trainer(accounts, url, uri)
        server.owned, server.breaks_at = [], None
        mlflow_accounts.ensure_trainer(accounts, url, uri)
        assert {"elpv", "screws"} < set(server.owned)
        assert "elpv-production" not in server.owned
        server.owned = []
        mlflow_accounts.ensure_trainer(accounts, url, uri)
        assert server.owned == [], "once is enough"
        running.shutdown()


@pytest.fixture
def become(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Become]:
    """From now on this process is that account at a real server with accounts."""
    accounts: Accounts = mlflow_accounts.prepare(home)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setattr(up, "_START_SECONDS", 240.0)
    store.ensure(home, "elpv")  # of before there were accounts
    uri = f"sqlite:///{home / 'mlflow.db'}"
    for number in range(OLD_MODELS):
        store.client(uri).create_registered_model(f"old-{number:03}")
    with up._mlflow(uri, home, port, accounts):

        def become(name: str) -> None:
            for variable, value in accounts.of_client(name, f"http://127.0.0.1:{port}").items():
                monkeypatch.setenv(variable, value)

        yield become


@pytest.mark.slow
def test_trainers_make_candidates_and_cannot_touch_production(
    become: Become, home: Path, make_bundle: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    become(TRAINER)
    registry = open_registry(home)
    for number in range(OLD_MODELS):
        registry.client.set_registered_model_tag(f"old-{number:03}", "owner", "trainer")
    registry.client.create_registered_model("elpv-production")  # before anybody promotes anything: the trainer's own
    for weights in (b"one", b"two"):
        run = registry.client.create_run(store.ensure(home, "elpv"))
        version = candidates.register(registry, "elpv", make_bundle(weights), run.info.run_id)
        candidates.request(registry, version, Actor("ada", "ada"))

    become(APPROVALS)
    with pytest.raises(ForeignModel):
        promotion.approve(registry, "elpv", 1, BOB, "looked at every miss")
    told = requests.log(registry.engine, "elpv", 1)[-1]
    assert (told.action, '"tampered":true' in told.details) == (requests.REFUSED, True)
    registry.client.delete_registered_model("elpv-production")  # as MLflow's administrator
    reservation.reserve(registry, "elpv")
    become(TRAINER)
    with pytest.raises(MlflowException, match=r"RESOURCE_ALREADY_EXISTS|already exists"):
        registry.client.create_registered_model("elpv-production")
    become(APPROVALS)
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(copies))
        for number in (1, 2):
            assert promotion.approve(registry, "elpv", number, BOB, "looked at every miss").state == "promoted"
        rollback.roll_back(registry, "elpv", BOB, "misses cracks", 1)
        rollback.roll_back(registry, "elpv", BOB, "does not", 2)
        assert reconcile.reconcile(registry, BOB) == []
    assert list(copies.iterdir()) == []  # what was fetched from the server to be verified

    become(TRAINER)
    client, name = registry.client, champion.production_name("elpv")
    produced = client.get_model_version(name, "2")
    mine = client.get_model_version("elpv", "1")
    for deed in (
        lambda: client.set_registered_model_alias(name, "champion", "1"),
        lambda: client.delete_registered_model_alias(name, "champion"),
        lambda: client.create_model_version(name, mine.source, mine.run_id, model_id=mine.model_id),
        lambda: client.set_model_version_tag(name, "2", artifacts.WEIGHTS_TAG, "0" * 64),
        lambda: client.delete_model_version(name, "2"),
        lambda: client.delete_registered_model(name),
        lambda: client.rename_registered_model(name, "mine"),
        lambda: client.set_registered_model_tag(name, reservation.TAG, "mine"),
        lambda: client.log_text(produced.run_id, "changed", "model/student/model.safetensors"),
        lambda: client.delete_run(produced.run_id),
    ):
        with pytest.raises((MlflowException, HTTPError), match=r"(?i)permission|403"):
            deed()
    promotion_as_trainer = Actor("eve", "eve")
    with pytest.raises(MlflowException, match=r"(?i)permission|403"):
        rollback.roll_back(registry, "elpv", promotion_as_trainer, "I would like that", 1)
    assert (artifacts.local(client.get_model_version(name, "2"), registry.uri) / "student").is_dir()  # may read

    become(APPROVALS)
    rollback.roll_back(registry, "elpv", BOB, "misses cracks", 1)
    assert aliases.pointed_at(registry.client, "elpv") == {"champion": 1, "previous": 2}
    assert reconcile.reconcile(registry, BOB) == []
    assert audit.verify(registry.store).intact
