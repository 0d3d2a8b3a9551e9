"""Values that the chart is rendered with: each place's file, and the edges of each option."""

from __future__ import annotations

from typing import Any

from charts.make import DIGEST, PLACES, values_of

POSTGRESQL: dict[str, Any] = {
    "database": {"existingSecret": "registry-database"},
    "auditKey": {"existingSecret": "audit-key"},
}
SHARED = {"accessMode": "ReadWriteMany"}
EXPOSED = {"url": "https://approvals.example.com"}
FILE = (
    "schedules:\n  nightly: {cron: '0 0 2 * * *'}\ntriggers:\n  press: {kind: webhook, secret: DFPT_TRIGGERS_SECRET}\n"
)
SCHEDULES = {"schedules": {"enabled": True, "file": FILE}}
TRIGGERS = {"schedules": {"file": FILE}, "triggers": {"enabled": True, "existingSecret": "webhooks"}}
ALL_OF_THEM = {"schedules": {"enabled": True, "file": FILE}, "triggers": {"enabled": True}}


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``, as Helm puts files on top of each other."""
    found = dict(base)
    for key, value in over.items():
        below = found.get(key)
        found[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return found


def with_digest(**values: Any) -> dict[str, Any]:
    return merged({"image": {"digest": DIGEST}}, values)


EDGES: dict[str, dict[str, Any]] = {
    "defaults": with_digest(),
    "a-tag": {"image": {"tag": "0.1.0", "allowTag": True, "pullSecrets": ["registry-login"]}},
    "platform-chooses-users": with_digest(security={"user": None, "group": None}),
    "placed": with_digest(
        nodeSelector={"pool": "services"}, tolerations=[{"key": "pool", "operator": "Exists", "effect": "NoSchedule"}]
    ),
    "named": with_digest(fullnameOverride="line-3", commonLabels={"team": "quality"}),
    "everything-exists": with_digest(
        state={"existingClaim": "state"}, mlflow={"storage": {"existingClaim": "mlflow-files"}}
    ),
    "postgresql": with_digest(registry=POSTGRESQL),
    "mlflow-database-without-bucket": with_digest(mlflow={"database": {"existingSecret": "mlflow-database"}}),
    "foreign-mlflow": with_digest(
        mlflow={"enabled": False, "url": "http://mlflow.ml.svc:5001"},
        registry={"mlflowCredentials": {"existingSecret": "mlflow-login"}},
    ),
    "foreign-mlflow-https": with_digest(mlflow={"enabled": False, "url": "https://mlflow.example.com"}),
    "no-approvals": with_digest(approvals={"enabled": False}),
    "no-reconciler": with_digest(reconciler={"enabled": False}),
    "nothing-runs": with_digest(
        approvals={"enabled": False},
        reconciler={"enabled": False},
        mlflow={"enabled": False, "url": "http://mlflow.ml.svc"},
    ),
    "three-replicas": with_digest(registry=POSTGRESQL, state=SHARED, approvals={"replicas": 3}),
    "autoscaled": with_digest(registry=POSTGRESQL, state=SHARED, approvals={"autoscaling": {"enabled": True}}),
    "ingress": with_digest(approvals=EXPOSED | {"ingress": {"enabled": True, "tlsSecret": "tls"}}),
    "route": with_digest(approvals=EXPOSED | {"httpRoute": {"enabled": True, "gateway": "public"}}),
    "oidc": with_digest(
        approvals=EXPOSED
        | {
            "localLogin": False,
            "trustedProxies": ["10.0.0.1", "10.0.0.2"],
            "mlflowPages": "https://mlflow.example.com",
            "oidc": {"issuer": "https://login.example.com", "clientId": "dfpt", "existingSecret": "oidc"},
        }
    ),
    "mlflow-in-browsers": with_digest(mlflow={"allowedHosts": ["mlflow.example.com"], "workers": 3}),
    "triggers": with_digest(**TRIGGERS),
    "schedules": with_digest(**SCHEDULES),
    "schedules-with-settings": with_digest(**merged(SCHEDULES, {"schedules": {"params": "seed: 3\n"}})),
    "onprem-complete": merged(values_of("onprem"), ALL_OF_THEM),
    "cloud-complete": merged(values_of("cloud"), ALL_OF_THEM),
    "multi-user": with_digest(kubeflow={"multiUser": True, "runNamespace": "plant"}, **merged(TRIGGERS, SCHEDULES)),
    "no-trainer": with_digest(kubeflow={"trainer": False, "artifactSecrets": []}),
    "no-policies": with_digest(networkPolicy={"enabled": False}),
    "whole-namespace": with_digest(networkPolicy={"scope": "namespace"}),
    "own-s3": with_digest(networkPolicy={"scope": "namespace", "egressPorts": [5432, 9000]}),
    "no-way-out": with_digest(networkPolicy={"egressPorts": []}),
    "monitored": with_digest(
        monitoring={"serviceMonitor": "always", "serviceMonitorLabels": {"release": "prometheus"}}, **TRIGGERS
    ),
    "monitored-without-triggers": with_digest(monitoring={"serviceMonitor": "always"}),
    "unmonitored": with_digest(monitoring={"serviceMonitor": "never", "dashboards": False}),
}

CASES = {place: values_of(place) for place in PLACES} | EDGES
