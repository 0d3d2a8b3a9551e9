"""The services, as the doctor finds them."""

from __future__ import annotations

from typing import Any

from dfpt.cluster.config import Cluster
from tests.fake_kubernetes.objects import a, deployment
from tests.fake_kubernetes.server import FakeKubernetes

pytest_plugins = ("tests.fake_kubernetes.healthy",)


def test_a_service_that_is_not_ready_and_a_release_that_is_not_there(healthy: FakeKubernetes, look: Any) -> None:
    healthy.state.drop("Deployment", "dfpt-approvals")
    healthy.state.put(deployment("approvals", 1))
    assert look()["approvals"].found == "1 of 2 pods ready"
    for name in ("dfpt-approvals", "dfpt-mlflow"):
        healthy.state.drop("Deployment", name)
    assert look()["release"].fix.startswith("helm install dfpt")


def test_services_that_answer_badly_or_not(healthy: FakeKubernetes, look: Any, cluster: Cluster, web: str) -> None:
    found = look(cluster.model_copy(update={"host": f"{web}/broken"}))
    assert "answers 500" in found["Kubeflow Pipelines"].found
    found = look(cluster.model_copy(update={"host": "http://127.0.0.1:9"}))
    assert "does not answer" in found["Kubeflow Pipelines"].found
    found = look(cluster.model_copy(update={"host": None}))["Kubeflow Pipelines"]
    assert not found.essential
    assert "a name of the cluster's own" in found.found


def test_runs_that_could_not_file_their_request(healthy: FakeKubernetes, look: Any, cluster: Cluster) -> None:
    assert look()["approvals service"].ok
    assert "DFPT_APPROVALS_TOKEN" not in look()

    of_register = {"dfpt-pipeline": cluster.secrets["dfpt-pipeline"].model_copy(update={"steps": ("register",)})}
    without = look(cluster.model_copy(update={"config_maps": {}, "secrets": of_register}))
    assert without["DFPT_APPROVALS_URL"].essential
    assert without["DFPT_APPROVALS_TOKEN"].found == "no secret gives it to gate"

    healthy.state.drop("ConfigMap", "dfpt-pipeline")
    data = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "DFPT_APPROVALS_URL": ""}
    healthy.state.put(a("ConfigMap", "dfpt-pipeline", data=data))
    assert "is no address of a service" in look()["approvals service"].found
