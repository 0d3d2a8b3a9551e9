"""``dfpt doctor --cluster``: what is missing on the cluster, and the fix. It only reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dfpt.cluster.config import Cluster
from dfpt.cluster.doctor import access, images, kinds, needs, nodes, server, services
from dfpt.cluster.doctor.connection import Connection, Refused
from dfpt.dvc_file import Pointer
from dfpt.finding import Finding

__all__ = ["Look", "examine"]


@dataclass(frozen=True)
class Look:
    """What to look at.

    Attributes:
        cluster: the section of params.yaml.
        release: name of the Helm release.
        namespace: the release's; the runs' is ``cluster.namespace``.
        stored: the images of ``data.revision``, where there is one.
    """

    cluster: Cluster
    release: str
    namespace: str
    stored: Pointer | None = None


def examine(look: Look, connection: Connection) -> Iterator[Finding]:
    """Look at everything; what this account may not see is a finding too, and stops none of the others."""
    first = list(_guarded("Kubernetes API", lambda: server.version(connection)))
    yield from first
    if not all(finding.ok for finding in first):
        return  # whatever else was asked would say the same
    cluster = look.cluster
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("namespaces", lambda: server.namespaces(connection, {cluster.namespace, look.namespace})),
        ("kinds", lambda: kinds.installed(connection, cluster)),
        ("training runtime", lambda: kinds.runtime(connection, cluster)),
        ("account", lambda: access.account(connection, cluster)),
        ("permissions", lambda: access.permissions(connection, cluster)),
        ("config maps and secrets", lambda: needs.settings(connection, cluster)),
        ("storage", lambda: needs.storage(connection, cluster)),
        ("image", lambda: needs.image(connection, cluster)),
        ("nodes", lambda: nodes.fitting(connection, cluster)),
        ("release", lambda: services.ready(connection, look.release, look.namespace)),
        ("MLflow", lambda: services.mlflow(connection, cluster)),
        ("approvals service", lambda: services.approvals(connection, cluster)),
        ("Kubeflow Pipelines", lambda: services.pipelines(cluster)),
    ]
    if stored := look.stored:
        checks.append(("data revision", lambda: images.of_revision(cluster, stored)))
    for name, check in checks:
        yield from _guarded(name, check)


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of ``check``; where the API says no, that."""
    try:
        yield from check()
    except Refused as refused:
        yield Finding(name, False, refused.message, refused.remedy, essential=refused.essential)
