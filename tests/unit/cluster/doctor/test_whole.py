"""A cluster that has everything, one that lacks a thing, and what the doctor never does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fake_kubernetes.server import FakeKubernetes

pytest_plugins = ("tests.fake_kubernetes.healthy",)


def test_a_healthy_cluster_lacks_nothing(healthy: FakeKubernetes, look: Any) -> None:
    found = look()
    assert [one for one in found.values() if not one.ok] == []
    assert len(found) == 21
    assert found["Kubernetes API"].found == "v1.33.0"


def test_it_only_reads_and_asks_in_the_name_of_the_pipelines_account(healthy: FakeKubernetes, look: Any) -> None:
    look()
    asking = "create_self_subject_access_review"
    assert {name for name, _ in healthy.requests if not name.startswith(("read_", "list_", "get_"))} == {asking}
    names = {user for name, user in healthy.requests if name == asking}
    assert names == {"system:serviceaccount:plant:dfpt-pipeline"}
    assert {user for name, user in healthy.requests if name != asking} == {""}


def test_no_value_of_a_secret_is_ever_said(healthy: FakeKubernetes, look: Any) -> None:
    assert "c2VjcmV0" not in str(look())
    assert "secret" not in json.dumps([one.found for one in look().values() if one.name.startswith("secret")])


@pytest.mark.parametrize(
    ("kind", "name", "finding", "fix"),
    [
        ("Namespace", "plant", "namespace plant", "kubectl create namespace plant"),
        ("ServiceAccount", "dfpt-pipeline", "service account", "charts/dfpt"),
        ("ConfigMap", "dfpt-pipeline", "config map dfpt-pipeline", "create configmap dfpt-pipeline"),
        ("Secret", "dfpt-pipeline", "secret dfpt-pipeline", "--from-literal=DFPT_APPROVALS_TOKEN=..."),
        ("Secret", "login", "secret login", "login"),
        ("PersistentVolumeClaim", "checkpoints", "claim checkpoints", "docs/kubeflow.md"),
        ("Node", "gpu-2", "nodes for distil", "Add such nodes"),
        ("ClusterTrainingRuntime", "torch-distributed", "training runtime", "cluster.trainer.runtime"),
    ],
)
def test_what_is_missing_is_named_with_its_fix(
    healthy: FakeKubernetes, look: Any, kind: str, name: str, finding: str, fix: str
) -> None:
    healthy.state.drop(kind, name)
    found = look()
    assert not found[finding].ok
    assert found[finding].essential
    assert fix in found[finding].fix
