"""From the section ``cluster`` of params.yaml to the API of Kubeflow Pipelines."""

from __future__ import annotations

import os

from dfpt.cluster.config import Cluster
from dfpt.cluster.kfp import Pipelines, Target, token_file
from dfpt.errors import UsageError

IN_CLUSTER = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"  # as Kubeflow's manifests name it


def pipelines(cluster: Cluster) -> Pipelines:
    """The API that ``cluster.host`` names; without one, inside a cluster, the one of Kubeflow's own manifests.

    Raises:
        UsageError: no address, and this is no pod.
    """
    host = cluster.host or (IN_CLUSTER if os.environ.get("KUBERNETES_SERVICE_HOST") else None)
    if host is None:
        raise UsageError(
            "The address of Kubeflow Pipelines is not known: this is no pod, and cluster.host is not set.",
            "kubectl port-forward -n kubeflow svc/ml-pipeline 8888, then --set cluster.host=http://localhost:8888.",
        )
    if not host.startswith(("http://", "https://")):
        raise UsageError(f"cluster.host = {host!r} is no URL.", "Write http://HOST:PORT or https://HOST.")
    return Pipelines(Target(host, cluster.namespace, token_file()))
