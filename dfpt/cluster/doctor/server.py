"""The API server itself and the namespaces."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dfpt.cluster.doctor.connection import Connection, Missing
from dfpt.finding import Finding

OLDEST = (1, 31)  # the chart's kubeVersion
_STANDARD = "pod-security.kubernetes.io/enforce"


def version(connection: Connection) -> Iterator[Finding]:
    """Whether it answers, and is new enough."""
    from kubernetes.client import VersionApi

    found = connection.ask("read the version", connection.api(VersionApi).get_code)
    numbers = tuple(int(re.sub(r"\D.*", "", text) or 0) for text in (found.major, found.minor))
    yield Finding(
        "Kubernetes API",
        numbers >= OLDEST,
        found.git_version,
        f"Upgrade the cluster: {'.'.join(map(str, OLDEST))} is the oldest that the chart is checked against.",
    )


def namespaces(connection: Connection, names: set[str]) -> Iterator[Finding]:
    """Whether they are there, and which Pod Security standard they enforce."""
    from kubernetes.client import CoreV1Api

    for name in sorted(names):
        try:
            found = connection.ask(f"read the namespace {name}", connection.api(CoreV1Api).read_namespace, name)
        except Missing:
            yield Finding(f"namespace {name}", False, "not there", f"kubectl create namespace {name}")
            continue
        standard = (found.metadata.labels or {}).get(_STANDARD, "privileged")
        yield Finding(f"namespace {name}", True, f"there; Pod Security: {standard}")
