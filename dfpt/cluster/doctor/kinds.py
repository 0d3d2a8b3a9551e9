"""The kinds of objects that Kubeflow, Trainer and Kueue bring; asked by discovery, which everybody may read."""

from __future__ import annotations

from collections.abc import Iterator

from dfpt.cluster.config import Cluster
from dfpt.cluster.doctor.connection import Connection, Missing
from dfpt.cluster.trainjob import GROUP, VERSION
from dfpt.finding import Finding

_RUNTIMES = "clustertrainingruntimes"
_PIPELINES = "Install Kubeflow Pipelines 2.17: docs/kubeflow.md."
_TRAINER = "Install Kubeflow Trainer 2.3: docs/kubeflow.md."


def many_nodes(cluster: Cluster) -> list[str]:
    """The steps that ask for more than one."""
    return [name for name in cluster.resources if cluster.of(name).num_nodes > 1]


def installed(connection: Connection, cluster: Cluster) -> Iterator[Finding]:
    """Whether the API serves each kind that this configuration needs."""
    wanted: list[tuple[str, str, tuple[str, ...], str, bool]] = [
        ("argoproj.io", "v1alpha1", ("workflows", "workflowtaskresults"), _PIPELINES, True)
    ]
    wanted += [(GROUP, VERSION, ("trainjobs", _RUNTIMES), _TRAINER, bool(many_nodes(cluster)))]
    if cluster.queue:
        wanted += [
            ("kueue.x-k8s.io", "v1beta1", ("localqueues",), "Install Kueue, or set cluster.queue to null.", True)
        ]
    for group, version, plurals, fix, essential in wanted:
        served = _served(connection, group, version)
        missing = [plural for plural in plurals if plural not in served]
        found = f"without {', '.join(missing)}" if missing else f"{version}: {', '.join(plurals)}"
        yield Finding(group, not missing, found, fix, essential)


def runtime(connection: Connection, cluster: Cluster) -> Iterator[Finding]:
    """The runtime that TrainJobs name."""
    from kubernetes.client import CustomObjectsApi

    if not many_nodes(cluster):
        return
    name = cluster.trainer.runtime
    read = connection.api(CustomObjectsApi).get_cluster_custom_object
    try:
        connection.ask(f"read the runtime {name}", read, GROUP, VERSION, _RUNTIMES, name)
    except Missing:
        yield Finding(
            "training runtime",
            False,
            f"{name} is not there",
            "Install Trainer's runtimes, or name one: cluster.trainer.runtime.",
        )
    else:
        yield Finding("training runtime", True, name)


def _served(connection: Connection, group: str, version: str) -> set[str]:
    from kubernetes.client import CustomObjectsApi

    try:
        found = connection.ask(
            f"list the kinds of {group}", connection.api(CustomObjectsApi).get_api_resources, group, version
        )
    except Missing:
        return set()
    return {resource.name for resource in found.resources}
