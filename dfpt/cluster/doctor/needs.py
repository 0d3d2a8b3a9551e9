"""What the pods of a run name: config maps, Secrets, claims, the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dfpt.cluster import image as images
from dfpt.cluster import oci
from dfpt.cluster.config import Cluster
from dfpt.cluster.doctor.connection import Connection, Missing
from dfpt.errors import DfptError
from dfpt.finding import Finding

_STUCK = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_NOTIFY = ("DFPT_NOTIFY_URL", "DFPT_NOTIFY_KEY")
_LOGIN = (".dockerconfigjson",)


def settings(connection: Connection, cluster: Cluster) -> Iterator[Finding]:
    """Whether every config map and Secret is there, with its keys. No value is looked at."""
    from kubernetes.client import CoreV1Api

    core = connection.api(CoreV1Api)
    for name, keys in cluster.config_maps.items():
        yield _with_keys(connection, "config map", core.read_namespaced_config_map, name, cluster.namespace, keys)
    wanted: dict[str, tuple[str, ...]] = {name: secret.keys for name, secret in cluster.secrets.items()}
    wanted |= dict.fromkeys(cluster.pull_secrets, _LOGIN)
    if cluster.notify:
        wanted[cluster.notify] = _NOTIFY
    for name, keys in wanted.items():
        yield _with_keys(connection, "secret", core.read_namespaced_secret, name, cluster.namespace, keys)


def storage(connection: Connection, cluster: Cluster) -> Iterator[Finding]:
    """Whether every claim is bound, and the one for all steps can be used on several nodes."""
    from kubernetes.client import CoreV1Api

    read = connection.api(CoreV1Api).read_namespaced_persistent_volume_claim
    names = {volume.claim for volume in cluster.volumes} | ({cluster.home} if cluster.home else set())
    for name in sorted(names):
        label = f"claim {name}"
        try:
            claim = connection.ask(f"read the claim {name}", read, name, cluster.namespace)
        except Missing:
            yield Finding(label, False, "not there", f"Make it in {cluster.namespace}: docs/kubeflow.md.")
            continue
        modes = claim.spec.access_modes or []
        if claim.status.phase == "Lost":
            yield Finding(label, False, "its volume is lost", "Restore the volume, or make the claim anew.")
        elif name == cluster.home and "ReadWriteMany" not in modes:
            yield Finding(
                label,
                False,
                f"{', '.join(modes)}: steps run on several nodes",
                "Make it ReadWriteMany, or set cluster.home to null.",
            )
        else:
            yield Finding(label, True, f"{claim.status.phase}, {', '.join(modes)}")


def image(connection: Connection, cluster: Cluster) -> Iterator[Finding]:
    """Whether its name says which image it is, and whether the nodes get it from its registry."""
    from kubernetes.client import CoreV1Api

    yield reference(cluster)
    call = connection.api(CoreV1Api).list_namespaced_pod
    pods = connection.ask("list the pods", call, cluster.namespace).items
    stuck = [f"{pod.metadata.name}: {reason}" for pod in pods for reason in _waiting(pod) if reason in _STUCK]
    yield Finding(
        "image registry",
        not stuck,
        "; ".join(stuck) or "no pod waits for its image",
        "Look at kubectl describe pod: a wrong name, or no login (cluster.pull_secrets, image.pullSecrets).",
    )


def reference(cluster: Cluster) -> Finding:
    """What compiling would write: with a tag its registry is asked, from here."""
    if not cluster.image:
        return _unclear("the package's own name and version", cluster)
    try:
        found = images.named(cluster.image, False, oci.digest if cluster.resolve_digest else None)
    except DfptError as error:
        return Finding("image", False, error.message, error.remedy)
    if "@sha256:" not in found:
        return _unclear(found, cluster)
    return Finding("image", True, found if found == cluster.image else f"{cluster.image} is now {found}")


def _unclear(found: str, cluster: Cluster) -> Finding:
    fix = "Set cluster.image to name@sha256:..., or to REGISTRY/name:tag; a tag can come to mean another image."
    return Finding("image", False, found, fix, essential=cluster.require_digest)


def _with_keys(connection: Connection, kind: str, read: Any, name: str, namespace: str, keys: Iterable[str]) -> Finding:
    label = f"{kind} {name}"
    words = " ".join(f"--from-literal={key}=..." for key in keys)
    create = f"kubectl -n {namespace} create {'configmap' if kind == 'config map' else 'secret generic'} {name} {words}"
    try:
        found = connection.ask(f"read the {label}", read, name, namespace)
    except Missing:
        return Finding(label, False, "not there", create)
    missing = [key for key in keys if key not in (found.data or {})]
    return Finding(
        label,
        not missing,
        f"without {', '.join(missing)}" if missing else f"has {', '.join(keys)}",
        f"Add the key: {create}",
    )


def _waiting(pod: Any) -> Iterator[str]:
    statuses = [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]
    for status in statuses:
        if status.state is not None and status.state.waiting is not None:
            yield status.state.waiting.reason or ""
