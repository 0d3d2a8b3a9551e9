"""What the account of a run's pods may do: asked in its name, one SelfSubjectAccessReview for each permission."""

from __future__ import annotations

from collections.abc import Iterator

from dfpt.cluster.config import Cluster
from dfpt.cluster.doctor.connection import Connection, Missing, Refused
from dfpt.cluster.doctor.kinds import many_nodes
from dfpt.cluster.trainjob import GROUP, PLURAL
from dfpt.finding import Finding

# group, resource, name of one, verbs: what charts/dfpt grants in templates/accounts; a test compares the two.
PIPELINE = (
    ("argoproj.io", "workflowtaskresults", "", ("create", "patch")),
    ("", "configmaps", "kfp-launcher", ("get",)),
    ("", "pods", "", ("get",)),
    ("", "persistentvolumeclaims", "", ("get", "create", "delete")),
)
LAUNCHER = (
    (GROUP, PLURAL, "", ("get", "create", "delete")),
    ("", "pods", "", ("get", "list")),
    ("", "pods/log", "", ("get",)),
)


def account(connection: Connection, cluster: Cluster) -> Iterator[Finding]:
    """Whether it is there."""
    from kubernetes.client import CoreV1Api

    name = cluster.service_account
    read = connection.api(CoreV1Api).read_namespaced_service_account
    try:
        connection.ask(f"read the service account {name}", read, name, cluster.namespace)
    except Missing:
        yield Finding(
            "service account",
            False,
            f"{name} is not there",
            f"Install charts/dfpt with kubeflow.runNamespace={cluster.namespace}, or correct cluster.service_account.",
        )
    else:
        yield Finding("service account", True, name)


def permissions(connection: Connection, cluster: Cluster) -> Iterator[Finding]:
    """Whether it may do what a run does."""
    user = f"system:serviceaccount:{cluster.namespace}:{cluster.service_account}"
    missing: list[str] = []
    asked = PIPELINE + (LAUNCHER if many_nodes(cluster) else ())
    try:
        with connection.acting_as(user):
            for group, resource, name, verbs in asked:
                missing += [
                    f"{verb} {resource}{'/' if name else ''}{name}"
                    for verb in verbs
                    if not _may(connection, cluster.namespace, verb, group, resource, name)
                ]
    except Refused as refused:
        if refused.status != 403:
            raise
        yield Finding(
            "permissions",
            False,
            f"unknown: you may not ask in the name of {cluster.service_account} (403)",
            f"As an administrator: kubectl auth can-i --list --as {user} -n {cluster.namespace}",
            essential=False,
        )
        return
    yield Finding(
        "permissions",
        not missing,
        f"{cluster.service_account} may not {', '.join(missing)}" if missing else f"{cluster.service_account}: all",
        "Install charts/dfpt, whose roles grant this (kubeflow.trainer=true for TrainJobs).",
    )


def _may(connection: Connection, namespace: str, verb: str, group: str, resource: str, name: str) -> bool:
    from kubernetes.client import (
        AuthorizationV1Api,
        V1ResourceAttributes,
        V1SelfSubjectAccessReview,
        V1SelfSubjectAccessReviewSpec,
    )

    kind, _, part = resource.partition("/")
    attributes = V1ResourceAttributes(
        namespace=namespace, verb=verb, group=group, resource=kind, subresource=part or None, name=name or None
    )
    review = V1SelfSubjectAccessReview(
        api_version="authorization.k8s.io/v1",
        kind="SelfSubjectAccessReview",
        spec=V1SelfSubjectAccessReviewSpec(resource_attributes=attributes),
    )
    call = connection.api(AuthorizationV1Api).create_self_subject_access_review
    return bool(connection.ask("ask what an account may do", call, review).status.allowed)
