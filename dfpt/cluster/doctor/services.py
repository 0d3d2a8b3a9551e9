"""The services: are their pods ready, and do they answer where they can be asked from here?"""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from dfpt.cluster.config import Cluster
from dfpt.cluster.doctor.connection import SECONDS, Connection, Missing
from dfpt.finding import Finding

_INSTANCE, _COMPONENT = "app.kubernetes.io/instance", "app.kubernetes.io/component"
_PIPELINES = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
_MLFLOW, _APPROVALS, _TOKEN = "MLFLOW_TRACKING_URI", "DFPT_APPROVALS_URL", "DFPT_APPROVALS_TOKEN"
_FILING = ("gate", "register")


def ready(connection: Connection, release: str, namespace: str) -> Iterator[Finding]:
    """The deployments of the release: their readiness is what the services answer to the kubelet's probes."""
    from kubernetes.client import AppsV1Api

    call = connection.api(AppsV1Api).list_namespaced_deployment
    selector = f"{_INSTANCE}={release}"
    found = connection.ask("list the deployments", call, namespace, label_selector=selector).items
    if not found:
        yield Finding(
            "release",
            False,
            f"no {release} in {namespace}",
            f"helm install {release} charts/dfpt -n {namespace} -f ...",
        )
    for deployment in found:
        name = deployment.metadata.labels.get(_COMPONENT, deployment.metadata.name)
        wanted, have = deployment.spec.replicas or 0, deployment.status.ready_replicas or 0
        yield Finding(
            name,
            0 < wanted <= have,
            f"{have} of {wanted} pods ready",
            f"kubectl -n {namespace} describe pods -l {_INSTANCE}={release},{_COMPONENT}={name}",
        )


def mlflow(connection: Connection, cluster: Cluster) -> Iterator[Finding]:
    """The server that the runs are told to log to."""
    yield from _told(connection, cluster, _MLFLOW, "MLflow", "/health")


def approvals(connection: Connection, cluster: Cluster) -> Iterator[Finding]:
    """The service that the runs file their requests with; a pod's own registry would be lost with the pod."""
    yield from _told(connection, cluster, _APPROVALS, "approvals service", "/health/ready")
    without = [step for step in _FILING if not any(_TOKEN in keys for keys in cluster.secrets_of(step).values())]
    if without:
        yield Finding(_TOKEN, False, f"no secret gives it to {', '.join(without)}", "Set cluster.secrets.")


def _told(connection: Connection, cluster: Cluster, variable: str, name: str, path: str) -> Iterator[Finding]:
    """Whether the service answers whose address a config map gives to the steps as ``variable``."""
    from kubernetes.client import CoreV1Api

    holding = [name for name, keys in cluster.config_maps.items() if variable in keys]
    if not holding:
        yield Finding(variable, False, "no config map gives it to the steps", "Set cluster.config_maps.")
        return
    read = connection.api(CoreV1Api).read_namespaced_config_map
    try:
        data = connection.ask(f"read the config map {holding[0]}", read, holding[0], cluster.namespace).data or {}
    except Missing:
        return  # said already
    if variable in data:  # else its absence is said with the config map
        yield answering(name, data[variable], path)


def pipelines(cluster: Cluster) -> Iterator[Finding]:
    """The API that runs are submitted to."""
    yield answering("Kubeflow Pipelines", cluster.host or _PIPELINES, "/apis/v2beta1/healthz")


def answering(name: str, url: str, path: str) -> Finding:
    """Whether the service at ``url`` answers ``path``; a name of the cluster's own is unknown outside of it."""
    address = urlsplit(url)
    if ".svc" in (address.hostname or "") and not _resolves(address.hostname or ""):
        return Finding(
            name,
            False,
            f"{url}: a name of the cluster's own, not asked from here",
            "helm test asks it from inside.",
            essential=False,
        )
    if address.scheme not in ("http", "https"):
        return Finding(name, False, f"{url} is no address of a service", "Write http://host:port or https://host.")
    try:
        with urllib.request.urlopen(url.rstrip("/") + path, timeout=SECONDS) as answer:
            return Finding(name, True, f"{url} answers {answer.status}")
    except urllib.error.HTTPError as error:
        there = error.code in (401, 403)  # it wants a login, which the steps bring and we do not
        return Finding(
            name, there, f"{url} answers {error.code}", f"Look at its log, and whether {path} is passed on to it."
        )
    except OSError as error:
        return Finding(
            name, False, f"{url} does not answer ({error})", "Start it, correct the address, or open the way."
        )


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True
