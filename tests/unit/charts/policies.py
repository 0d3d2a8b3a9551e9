"""Rules that every rendered object must keep; each gives its complaints, none where all is well."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

Object = dict[str, Any]
_SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|KEY|CREDENTIAL")
_PASSWORD_IN_URL = re.compile(r"://[^/@\s]+:[^/@\s]+@")


def named(thing: Object) -> str:
    return f"{thing['kind']} {thing['metadata']['name']}"


def pods(objects: Iterable[Object]) -> Iterator[tuple[Object, Object, dict[str, str]]]:
    """Every pod that the objects make: the object, its pod's specification, the pod's labels."""
    for thing in objects:
        spec = thing.get("spec", {})
        if thing["kind"] == "Pod":
            yield thing, spec, thing["metadata"]["labels"]
        elif thing["kind"] == "CronJob":
            template = spec["jobTemplate"]["spec"]["template"]
            yield thing, template["spec"], template["metadata"]["labels"]
        elif "template" in spec:
            yield thing, spec["template"]["spec"], spec["template"]["metadata"]["labels"]


def containers(spec: Object) -> list[Object]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def restricted(objects: list[Object], values: Object) -> Iterator[str]:
    """Kubernetes' Pod Security standard "restricted", and a root that cannot be written."""
    for thing, spec, _ in pods(objects):
        context = spec["securityContext"]
        if context.get("runAsNonRoot") is not True or context.get("runAsUser", 1) == 0:
            yield f"{named(thing)}: may be root"
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{named(thing)}: no seccomp profile"
        if spec.get("hostNetwork") or spec.get("hostPID") or any("hostPath" in one for one in spec.get("volumes", [])):
            yield f"{named(thing)}: uses the host's own"
        expected = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        for container in containers(spec):
            if container["securityContext"] != expected:
                yield f"{named(thing)}: {container['name']} is not confined"


def bounded(objects: list[Object], values: Object) -> Iterator[str]:
    """Requests and limits of CPU and memory."""
    for thing, spec, _ in pods(objects):
        for container in containers(spec):
            for kind in ("requests", "limits"):
                if set(container["resources"].get(kind, {})) < {"cpu", "memory"}:
                    yield f"{named(thing)}: {container['name']} has no {kind}"


def pinned(objects: list[Object], values: Object) -> Iterator[str]:
    """Images by digest, or by the tag of a release where that was allowed."""
    for thing, spec, _ in pods(objects):
        for container in containers(spec):
            image = container["image"]
            by_tag = values["image"].get("allowTag") and re.search(r":[^/:]+$", image) and not image.endswith(":latest")
            if not re.search(r"@sha256:[0-9a-f]{64}$", image) and not by_tag:
                yield f"{named(thing)}: {image} may be another image tomorrow"


def without_secrets(objects: list[Object], values: Object) -> Iterator[str]:
    """No Secret is made, and none stands in the clear."""
    for thing in objects:
        if thing["kind"] == "Secret":
            yield f"{named(thing)}: is made by the chart"
        if _PASSWORD_IN_URL.search(str(thing)):
            yield f"{named(thing)}: a password in a URL"
    for thing, spec, _ in pods(objects):
        for container in containers(spec):
            for variable in container.get("env", []):
                name = variable["name"]
                if "value" in variable and _SECRET_NAME.search(name) and not name.endswith("_FILE"):
                    yield f"{named(thing)}: {name} in the clear"


def without_tokens(objects: list[Object], values: Object) -> Iterator[str]:
    """No pod of ours gets a token of the Kubernetes API, nor the addresses of all Services as variables."""
    for thing, spec, _ in pods(objects):
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{named(thing)}: has a token of the Kubernetes API"
        if spec.get("enableServiceLinks") is not False:
            yield f"{named(thing)}: its environment has every Service, and DFPT_APPROVALS_PORT is no setting of ours"


def least(objects: list[Object], values: Object) -> Iterator[str]:
    """Roles name what they allow; nothing is cluster-wide; Secrets one by one."""
    for thing in objects:
        if thing["kind"].startswith("Cluster"):
            yield f"{named(thing)}: is cluster-wide"
        for rule in thing.get("rules", []) if thing["kind"] == "Role" else []:
            if "*" in rule["verbs"] + rule["resources"] + rule["apiGroups"]:
                yield f"{named(thing)}: allows everything"
            if "secrets" in rule["resources"] and not rule.get("resourceNames"):
                yield f"{named(thing)}: may read every Secret"


def tidy(objects: list[Object], values: Object) -> Iterator[str]:
    """Names are unique and short enough, labels there, and no shell text is changed by Kubernetes' own $ syntax."""
    seen: set[tuple[str, str, str]] = set()
    for thing in objects:
        meta = thing["metadata"]
        key = (thing["kind"], meta["namespace"], meta["name"])
        if key in seen:
            yield f"{named(thing)}: twice"
        seen.add(key)
        if len(meta["name"]) > (52 if thing["kind"] == "CronJob" else 63):
            yield f"{named(thing)}: too long a name"
        if not {"app.kubernetes.io/instance", "app.kubernetes.io/component", "helm.sh/chart"} <= set(meta["labels"]):
            yield f"{named(thing)}: labels are missing"
    for thing, spec, _ in pods(objects):
        for container in containers(spec):
            if re.search(r"\$[$(]", " ".join(container["command"])):
                yield f"{named(thing)}: Kubernetes changes $$ and $(...) in {container['command']}"


ALL = (restricted, bounded, pinned, without_secrets, without_tokens, least, tidy)
