"""Rules of what rendered objects say about each other: whatever is named or selected is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.unit.charts.policies import Object, containers, named, pods

_FOREIGN_PODS = {"runs", "trainjobs"}  # policies for pods that Kubeflow makes
_HOOK = "helm.sh/hook"


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


ALL = (selecting, referring, hooks_stand_alone)


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
