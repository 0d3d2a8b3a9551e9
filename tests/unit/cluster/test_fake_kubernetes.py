"""The fake of the Kubernetes API refuses what the published one would: without that its tests would prove nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dfpt.cluster.doctor import connection
from tests.fake_kubernetes import contract
from tests.fake_kubernetes.objects import a
from tests.fake_kubernetes.server import FakeKubernetes

pytest_plugins = ("tests.fake_kubernetes.plugin",)


def test_an_invalid_request_fails_against_the_fake(kubernetes_api: FakeKubernetes, kubeconfig: Path) -> None:
    """Planted: an unknown field, a wrong type, an unknown parameter, an unknown path."""
    way = connection.connect()
    reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    for method, path, body in (
        ("POST", reviews, kind | {"spec": {"resourceAttribute": {}}}),
        ("POST", reviews, kind | {"spec": {"resourceAttributes": {"verb": 1}}}),
        ("GET", "/api/v1/nodes?labels=pool%3Dgpu", None),
        ("GET", "/api/v1/node", None),
    ):
        with pytest.raises(connection.Refused, match="400"):
            way.ask("plant", _raw(way, method, path, body))
    assert len(kubernetes_api.violations) == 4
    kubernetes_api.violations.clear()


def _raw(way: connection.Connection, method: str, path: str, body: Any) -> Any:
    def call(_request_timeout: Any) -> Any:
        return way.client.call_api(
            path,
            method,
            body=body,
            header_params={"Content-Type": "application/json"},
            _request_timeout=_request_timeout,
        )

    return call


def test_the_fake_refuses_to_hold_what_kubernetes_would_not(kubernetes_api: FakeKubernetes) -> None:
    with pytest.raises(contract.Invalid):
        kubernetes_api.state.put(a("Secret", "x", datum={}))
