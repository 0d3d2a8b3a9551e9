"""Releases, kinds and nodes, as the doctor finds them."""

from __future__ import annotations

from typing import Any

from dfpt.cluster.config import Cluster
from tests.fake_kubernetes.server import FakeKubernetes

pytest_plugins = ("tests.fake_kubernetes.healthy",)


def test_an_old_kubernetes_is_refused(healthy: FakeKubernetes, look: Any) -> None:
    healthy.state.version = ("1", "30+")
    assert look()["Kubernetes API"].fix.startswith("Upgrade the cluster")


def test_kubeflow_that_is_not_installed(healthy: FakeKubernetes, look: Any) -> None:
    healthy.state.groups = {"argoproj.io/v1alpha1": ["workflows"]}
    found = look()
    assert found["argoproj.io"].found == "without workflowtaskresults"
    assert "Install Kubeflow Trainer" in found["trainer.kubeflow.org"].fix


def test_trainer_is_needed_only_by_many_nodes(healthy: FakeKubernetes, look: Any, cluster: Cluster) -> None:
    healthy.state.groups.pop("trainer.kubeflow.org/v1alpha1")
    one_node = cluster.model_copy(update={"resources": {"default": cluster.resources["default"]}})
    found = look(one_node)
    assert not found["trainer.kubeflow.org"].essential
    assert "training runtime" not in found


def test_a_node_is_not_taken_for_one_that_fits(healthy: FakeKubernetes, look: Any, cluster: Cluster) -> None:
    distil = cluster.resources["distil"].model_copy(update={"tolerations": ()})
    found = look(cluster.model_copy(update={"resources": {**cluster.resources, "distil": distil}}))["nodes for distil"]
    assert found.found.startswith("0 of 3 have 2 cpu, 4Gi memory, 2 nvidia.com/gpu, pool=gpu")
    assert "a toleration of nvidia.com/gpu" in found.found
