"""A fake cluster that has everything, and the doctor that looks at it: a plugin for the modules that name it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dfpt.cluster import doctor
from dfpt.cluster.config import Cluster
from dfpt.cluster.doctor import connection
from dfpt.finding import Finding
from tests.fake_kubernetes.objects import DIGEST, GPU, a, claim, deployment, node
from tests.fake_kubernetes.server import FakeKubernetes

pytest_plugins = ("tests.fake_kubernetes.plugin",)


@pytest.fixture
def web() -> Iterator[str]:
    """What MLflow and Kubeflow Pipelines answer to the doctor: 200, at any path but /broken."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            self.send_response(500 if self.path.startswith("/broken") else 200)
            self.end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cluster(web: str) -> Cluster:
    return Cluster.model_validate(
        {
            "host": web,
            "namespace": "plant",
            "image": DIGEST,
            "require_digest": True,
            "home": "checkpoints",
            "config_maps": {"dfpt-pipeline": ["MLFLOW_TRACKING_URI", "DFPT_APPROVALS_URL"]},
            "secrets": {"dfpt-pipeline": {"keys": ["DFPT_APPROVALS_TOKEN"], "steps": ["gate", "register"]}},
            "pull_secrets": ["login"],
            "notify": "webhook",
            "resources": {
                "default": {"cpu": "2", "memory": "4Gi"},
                "distil": {
                    "accelerator": {"type": GPU, "count": 2},
                    "num_nodes": 2,
                    "node_selector": {"pool": "gpu"},
                    "tolerations": [{"key": GPU, "operator": "Exists"}],
                },
            },
        }
    )


@pytest.fixture
def healthy(kubernetes_api: FakeKubernetes, web: str) -> FakeKubernetes:
    """A cluster that has everything."""
    state = kubernetes_api.state
    state.groups = {
        "argoproj.io/v1alpha1": ["workflows", "workflowtaskresults"],
        "trainer.kubeflow.org/v1alpha1": ["trainjobs", "clustertrainingruntimes"],
    }
    taint = {"key": GPU, "value": "present", "effect": "NoSchedule"}
    secret = {"DFPT_APPROVALS_TOKEN": "c2VjcmV0"}
    state.put(
        a("Namespace", "plant", namespace=None),
        a("ServiceAccount", "dfpt-pipeline"),
        a("ConfigMap", "dfpt-pipeline", data={"MLFLOW_TRACKING_URI": web, "DFPT_APPROVALS_URL": web}),
        a("Secret", "dfpt-pipeline", data=secret),
        a("Secret", "login", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": "e30="}),
        a("Secret", "webhook", data={"DFPT_NOTIFY_URL": "eA==", "DFPT_NOTIFY_KEY": "eA=="}),
        claim("checkpoints"),
        node(),
        node("gpu-1", 4, (taint,), pool="gpu"),
        node("gpu-2", 4, (taint,), pool="gpu"),
        deployment("approvals", 2),
        deployment("mlflow", 2),
    )
    # A kind of Trainer's, whose schema is its own.
    state.objects.append({"kind": "ClusterTrainingRuntime", "metadata": {"name": "torch-distributed"}})
    return kubernetes_api


@pytest.fixture
def look(kubeconfig: Path, cluster: Cluster) -> Any:
    """Looks, and gives what was found by name."""

    def look(asked: Cluster = cluster, seconds: float = 60.0, namespace: str = "plant") -> dict[str, Finding]:
        way = connection.connect()
        way.seconds = seconds
        return {one.name: one for one in doctor.examine(doctor.Look(asked, "dfpt", namespace), way)}

    return look
