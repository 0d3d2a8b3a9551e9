"""What the doctor says where the Kubernetes API refuses, breaks, or is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dfpt.cluster.doctor import connection
from dfpt.errors import UsageError
from tests.fake_kubernetes.server import FakeKubernetes, Fault

pytest_plugins = ("tests.fake_kubernetes.healthy",)


def test_an_expired_login_is_said_once(healthy: FakeKubernetes, look: Any) -> None:
    healthy.faults = [Fault("*", 401)]
    found = look()
    assert list(found) == ["Kubernetes API"]
    assert "Sign in again" in found["Kubernetes API"].fix


def test_what_may_not_be_looked_at_stops_nothing_else(healthy: FakeKubernetes, look: Any) -> None:
    healthy.faults = [Fault("list_node", 403), Fault("read_namespaced_secret", 403)]
    found = look()
    assert found["nodes"].found == "unknown: this account may not list the nodes (403)"
    assert not found["nodes"].essential
    assert not found["config maps and secrets"].essential
    assert found["approvals"].ok


def test_a_call_that_is_not_answered_is_a_failure_and_the_others_go_on(healthy: FakeKubernetes, look: Any) -> None:
    healthy.faults = [Fault("list_node", "stalled")]
    found = look(seconds=3.0)
    assert "does not answer" in found["nodes"].found
    assert found["nodes"].essential
    assert found["approvals"].ok
    assert sum(name == "list_node" for name, _ in healthy.requests) == 1  # not asked again and again


def test_a_server_that_breaks(healthy: FakeKubernetes, look: Any) -> None:
    healthy.faults = [Fault("list_namespaced_deployment", 500)]
    assert "answers 500" in look()["release"].found


def test_no_server_at_all(kubeconfig: Path, kubernetes_api: FakeKubernetes, look: Any) -> None:
    kubeconfig.write_text(kubeconfig.read_text().replace(kubernetes_api.host, "http://127.0.0.1:9"))
    assert "does not answer" in look()["Kubernetes API"].found


def test_no_way_to_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UsageError, match="KUBECONFIG"):
        connection.connect()
