"""gate and register of a pod that has a token and no credential of the registry, against a real service process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from dfpt.approvals import accounts, tokens
from dfpt.approvals.client import Client, ServiceRefused
from dfpt.approvals.database import open_tables
from dfpt.approvals.tokens import Scope
from dfpt.context import Context
from dfpt.errors import DfptError, StepFailed
from dfpt.registry import artifacts, candidates, filing, signing
from dfpt.registry.errors import BytesChanged
from dfpt.registry.handle import open_models
from dfpt.registry.store import DATABASE, URL_VARIABLE
from tests.unit.steps.test_register import Room

pytest_plugins = ("tests.mlflow_home", "tests.unit.registry.databases")

POLICY = """
four_eyes: true
people: {pipeline: [requester], ada: [requester, approver], bob: [approver], victor: [viewer]}
others: []
"""
_START_SECONDS = 240.0


class Service:
    """``dfpt approvals serve`` on the registry of ``home``, and tokens for it."""

    def __init__(self, home: Path, registry_url: str | None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._home = home
        self._environment = dict(os.environ) | ({} if registry_url is None else {URL_VARIABLE: registry_url})
        (home / "approvals.yaml").write_text(POLICY)
        self.engine = open_tables(home).engine
        self._accounts = {
            name: accounts.add(self.engine, name) for name in ("pipeline", "ada", "bob", "victor", "nobody")
        }

    def token(self, name: str, *scopes: Scope) -> str:
        return tokens.create(self.engine, self._accounts[name], "test", scopes or tuple(Scope), 1).secret

    @contextmanager
    def running(self) -> Iterator[None]:
        """Every line that it logs is a JSON object."""
        command = [sys.executable, "-m", "dfpt.cli.main", "approvals", "serve", "--port", str(self._port)]
        process = subprocess.Popen(
            [*command, "--home", str(self._home)],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        watchdog = threading.Timer(_START_SECONDS, process.kill)
        watchdog.start()
        try:
            while True:
                try:
                    httpx.get(f"{self.url}/health/live", timeout=5)
                    break
                except httpx.TransportError:
                    assert process.poll() is None, "the service did not start"
                    threading.Event().wait(0.1)
            yield
        finally:
            watchdog.cancel()
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
        assert all("event" in json.loads(line) for line in said.splitlines()), said


@pytest.fixture
def service(database: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Not started yet. From here on the environment is the pod's: MLflow's address, the service's, no credential."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
    service = Service(home, os.environ.get(URL_VARIABLE))
    for variable in (URL_VARIABLE, signing.VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(filing.URL_VARIABLE, service.url)
    monkeypatch.setenv("DFPT_APPROVALS_TOKEN", service.token("pipeline", Scope.REQUEST))
    yield service
    service.engine.dispose()


@pytest.fixture
def pod(inspection: Any, tmp_path: Path) -> Room:
    """Its state folder is empty, as that of a pod is."""
    (tmp_path / "pod").mkdir()
    return Room(inspection, tmp_path / "pod", tmp_path / "work")


def fetched(pod: Room) -> Any:
    return filing.fetch_champion(Context(pod.home, pod.home / "checkpoints"), "made-up")


def test_a_pod_with_a_token_alone_files_what_people_then_decide_about(service: Service, pod: Room) -> None:
    """One story, because a service takes seconds to start."""
    with service.running(), Client(service.url, service.token("bob")) as bob:
        assert fetched(pod) is None
        first, again = pod.run(), pod.run()
        assert (first["status"], first["created"], first["asked_again_after"]) == ("pending", True, None)
        assert again == first | {"created": False}
        (request,) = bob.requests()
        assert (request["id"], request["requested_by"]) == (first["request"], "pipeline")
        version = open_models(pod.home).client.get_model_version_by_alias("made-up", "candidate")
        assert candidates.sums(version) == candidates.Sums(request["weights_sha256"], request["artifact_sha256"])

        with Client(service.url, service.token("pipeline")) as pipeline:
            with pytest.raises(ServiceRefused, match="Only an approver"):
                pipeline.approve("made-up", 1, "mine")
            pipeline.withdraw("made-up", 1, "wrong data")
        asked_again = pod.run()
        assert (asked_again["status"], asked_again["asked_again_after"]) == ("pending", "withdrawn")
        assert asked_again["request"] != first["request"]

        assert bob.approve("made-up", 1, "looked at every miss").shown["state"] == "promoted"
        assert pod.run()["status"] == "promoted"
        champion = fetched(pod)
        assert (champion.version, champion.weights_sha256) == (1, first["weights_sha256"])
        assert bob.models("made-up-production")[0]["tags"]["approved_by"] == "bob"

        # What MLflow says of production can be written by others; the log's sums are what counts.
        models = open_models(pod.home)
        models.client.set_model_version_tag("made-up-production", "1", artifacts.WEIGHTS_TAG, "0" * 64)
        models.client.delete_registered_model_alias("made-up-production", "champion")
        assert fetched(pod) == champion
        (champion.folder / "model.json").write_text("{}")
        with pytest.raises(BytesChanged, match="made-up-production/1"):
            fetched(pod)
    assert not (pod.home / DATABASE).exists()
    assert not list(pod.home.glob("audit*"))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_service_that_is_away_is_waited_for_and_nobody_approves_what_his_token_then_files(
    service: Service, pod: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFPT_APPROVALS_TOKEN", service.token("ada"))
    with pytest.raises(StepFailed, match="made-up/1 is registered and waits for the approvals service") as away:
        pod.run()
    assert away.value.exit_code == 1  # which an engine tries again
    with pytest.raises(StepFailed, match="does not answer"):
        fetched(pod)

    with service.running(), Client(service.url, service.token("ada")) as ada:
        found = pod.run()
        assert (found["version"], found["created"], found["status"]) == (1, False, "pending")
        with pytest.raises(ServiceRefused, match="Nobody approves what he or she requested"):
            ada.approve("made-up", 1, "good")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_token_that_does_not_do_and_sums_that_were_changed_are_refused(
    service: Service, pod: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    filer = service.token("pipeline", Scope.REQUEST)
    given = {
        "dfpt_wrong": (2, "not valid"),
        service.token("pipeline", Scope.READ): (3, "not for request"),
        service.token("victor"): (3, "victor may not request"),
        service.token("nobody"): (3, "nobody may not view"),
        "": (2, "No token"),
    }
    with service.running(), Client(service.url, filer) as client:
        for token, (code, words) in given.items():
            monkeypatch.setenv("DFPT_APPROVALS_TOKEN", token)
            with pytest.raises(DfptError, match=words) as refused:
                pod.run()
            assert refused.value.exit_code == code

        (version,) = open_models(pod.home).client.search_model_versions("name = 'made-up'")
        there = candidates.sums(version)
        for sums in (candidates.Sums(there.weights_sha256, "0" * 64), candidates.Sums("0" * 64, there.artifact_sha256)):
            with pytest.raises(ServiceRefused, match="have been changed") as changed:
                client.request("made-up", 1, "filed", sums=sums)
            assert changed.value.kind == "urn:dfpt:problem:files-changed"
        with Client(service.url, service.token("victor")) as victor:
            assert victor.requests() == []
        assert client.request("made-up", 1, "filed", sums=there).pending
