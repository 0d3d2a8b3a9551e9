"""Rules that every rendered object must keep; each gives its complaints, none where all is well."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

Object = dict[str, Any]
_SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|KEY|CREDENTIAL")
_PASSWORD_IN_URL = re.compile(r"://[^/@\s]+:[^/@\s]+@")
_FOREIGN_PODS = {"runs", "trainjobs"}  # policies for pods that Kubeflow makes
_HOOK = "helm.sh/hook"


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


def selecting(objects: list[Object], values: Object) -> Iterator[str]:
    """Every selector finds a pod, every port and target there is."""
    labels = [found for _, _, found in pods(objects)]
    by_name = {(thing["kind"], thing["metadata"]["name"]): thing for thing in objects}
    for thing in objects:
        spec, kind = thing.get("spec", {}), thing["kind"]
        if kind == "Service":
            wanted = spec["selector"]
        elif kind in ("Deployment", "PodDisruptionBudget"):
            wanted = spec["selector"]["matchLabels"]
        elif kind == "NetworkPolicy":
            wanted = spec["podSelector"].get("matchLabels", {})
            if thing["metadata"]["labels"]["app.kubernetes.io/component"] in _FOREIGN_PODS | {"deny", "dns"}:
                continue
        elif kind == "ServiceMonitor":
            services = [one for one in objects if one["kind"] == "Service"]
            found = [one for one in services if _matches(spec["selector"]["matchLabels"], one["metadata"]["labels"])]
            ports = [port["name"] for one in found for port in one["spec"]["ports"]]
            if any(endpoint["port"] not in ports for endpoint in spec["endpoints"]):
                yield f"{named(thing)}: no such Service or port"
            continue
        else:
            continue
        if not any(_matches(wanted, found) for found in labels):
            yield f"{named(thing)}: selects no pod"
        if kind == "Service":
            ports = _ports(objects, wanted)
            yield from (
                f"{named(thing)}: no port {port['targetPort']}"
                for port in spec["ports"]
                if port["targetPort"] not in ports
            )
    for thing in objects:
        spec = thing.get("spec", {})
        if thing["kind"] == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]
            if (target["kind"], target["name"]) not in by_name:
                yield f"{named(thing)}: scales nothing"
        for backend, port in _backends(thing):
            service = by_name.get(("Service", backend))
            if service is None or port not in [one[key] for one in service["spec"]["ports"] for key in one]:
                yield f"{named(thing)}: leads to no Service"


def referring(objects: list[Object], values: Object) -> Iterator[str]:
    """Every account, claim, map, Secret and volume that is named exists, or is named in the values."""
    there = {(thing["kind"], thing["metadata"]["name"]) for thing in objects}
    given = set(_strings(values))
    for thing, spec, _ in pods(objects):
        if ("ServiceAccount", spec["serviceAccountName"]) not in there:
            yield f"{named(thing)}: no account {spec['serviceAccountName']}"
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        mounted = {mount["name"] for one in containers(spec) for mount in one.get("volumeMounts", [])}
        for name in mounted ^ set(volumes):
            yield f"{named(thing)}: volume {name} is not mounted, or not there"
        for kind, name in _named_in(spec):
            if kind == "Secret":
                if name not in given:
                    yield f"{named(thing)}: Secret {name} is named in no value"
            elif (kind, name) not in there and name not in given:
                yield f"{named(thing)}: {kind} {name} is not there"


def hooks_stand_alone(objects: list[Object], values: Object) -> Iterator[str]:
    """What runs before an installation needs nothing that the installation brings."""
    early = [thing for thing in objects if "pre-install" in thing["metadata"].get("annotations", {}).get(_HOOK, "")]
    there = {(thing["kind"], thing["metadata"]["name"]) for thing in early}
    for thing, spec, _ in pods(early):
        wanted = [("ServiceAccount", spec["serviceAccountName"]), *_named_in(spec)]
        yield from (
            f"{named(thing)}: needs {kind} {name}"
            for kind, name in wanted
            if kind != "Secret" and (kind, name) not in there
        )


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


ALL = (
    restricted,
    bounded,
    pinned,
    without_secrets,
    without_tokens,
    least,
    selecting,
    referring,
    hooks_stand_alone,
    tidy,
)


def _matches(wanted: dict[str, str], labels: dict[str, str]) -> bool:
    return wanted.items() <= labels.items()


def _ports(objects: list[Object], wanted: dict[str, str]) -> set[str]:
    return {
        port["name"]
        for _, spec, labels in pods(objects)
        if _matches(wanted, labels)
        for container in containers(spec)
        for port in container.get("ports", [])
    }


def _backends(thing: Object) -> Iterator[tuple[str, Any]]:
    for rule in thing.get("spec", {}).get("rules", []) if thing["kind"] in ("Ingress", "HTTPRoute") else []:
        for path in rule.get("http", {}).get("paths", []):
            service = path["backend"]["service"]
            yield service["name"], service["port"]["name"]
        for reference in rule.get("backendRefs", []):
            yield reference["name"], reference["port"]


def _named_in(spec: Object) -> Iterator[tuple[str, str]]:
    """Kind and name of the maps, Secrets and claims of a pod."""
    for volume in spec.get("volumes", []):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
    for container in containers(spec):
        for variable in container.get("env", []):
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield "Secret", reference["name"]
        for source in container.get("envFrom", []):
            yield "Secret", source["secretRef"]["name"]


def _strings(values: Any) -> Iterator[str]:
    if isinstance(values, dict):
        for value in values.values():
            yield from _strings(value)
    elif isinstance(values, list):
        for value in values:
            yield from _strings(value)
    elif isinstance(values, str):
        yield values
