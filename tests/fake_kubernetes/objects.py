"""Objects as a cluster holds them, for the fake; by default of the namespace ``plant``."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
DIGEST = "registry.example.com/dfpt@sha256:" + "a" * 64
GPU = "nvidia.com/gpu"


def a(kind: str, name: str, version: str = "v1", namespace: str | None = "plant", **more: Any) -> Object:
    labels = more.pop("labels", {})
    meta = {"name": name, "labels": labels} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": meta, **more}


def node(name: str = "node-1", gpus: int = 0, taints: tuple[Object, ...] = (), **labels: str) -> Object:
    allocatable = {"cpu": "15500m", "memory": "60Gi"} | ({GPU: str(gpus)} if gpus else {})
    spec = {"taints": list(taints)} if taints else {}
    return a("Node", name, namespace=None, labels=labels, spec=spec, status={"allocatable": allocatable})


def deployment(component: str, ready: int) -> Object:
    labels = {"app.kubernetes.io/instance": "dfpt", "app.kubernetes.io/component": component}
    container = {"name": component, "image": DIGEST}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return a("Deployment", f"dfpt-{component}", "apps/v1", labels=labels, spec=spec, status={"readyReplicas": ready})


def claim(name: str, mode: str = "ReadWriteMany", phase: str = "Bound") -> Object:
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}}
    return a("PersistentVolumeClaim", name, spec=spec, status={"phase": phase})
