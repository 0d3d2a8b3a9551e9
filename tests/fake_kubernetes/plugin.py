"""A fake of the Kubernetes API, held to the published one: a plugin for the modules that name it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.fake_kubernetes.server import FakeKubernetes, running


@pytest.fixture
def kubernetes_api() -> Iterator[FakeKubernetes]:
    """The fake, whose published API nothing may have violated when the test ends well."""
    with running() as fake:
        yield fake
        assert fake.violations == []


@pytest.fixture
def kubeconfig(kubernetes_api: FakeKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig that leads to the fake; KUBECONFIG names it."""
    path = tmp_path / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "ada"}}],
        "clusters": [{"name": "fake", "cluster": {"server": kubernetes_api.host}}],
        "users": [{"name": "ada", "user": {"token": "a-token"}}],
    }
    path.write_text(yaml.safe_dump(content))
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return path
