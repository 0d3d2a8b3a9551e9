"""What a cluster's NetworkPolicies let through, worked out from the objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A pod, or what stands for one: its labels and its namespace's name. Without a namespace: outside the cluster."""

    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)


def ours(component: str, release: str = "dfpt", namespace: str = "dfpt") -> Place:
    """A pod of the release."""
    kubernetes = "app.kubernetes.io"
    labels = {f"{kubernetes}/name": "dfpt", f"{kubernetes}/instance": release, f"{kubernetes}/component": component}
    return Place(namespace, labels)


def a_run(namespace: str = "dfpt") -> Place:
    """The pod of a step."""
    return Place(namespace, {"workflows.argoproj.io/workflow": "retraining-x7k2p"})


def allows(objects: list[Object], start: Place, end: Place, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection comes about: both sides must allow it."""
    policies = [thing for thing in objects if thing["kind"] == "NetworkPolicy"]
    return _side(policies, "Egress", start, end, port, protocol) and _side(
        policies, "Ingress", end, start, port, protocol
    )


def _side(policies: list[Object], way: str, here: Place, there: Place, port: int, protocol: str) -> bool:
    mine = [
        policy["spec"]
        for policy in policies
        if policy["metadata"]["namespace"] == here.namespace
        and way in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], here.labels)
    ]
    if not mine:
        return True
    peers, rules = ("to", "egress") if way == "Egress" else ("from", "ingress")
    return any(
        _peers(rule.get(peers), policy_namespace, there) and _ports(rule.get("ports"), port, protocol)
        for spec in mine
        for policy_namespace in [here.namespace]
        for rule in spec.get(rules, [])
    )


def _peers(peers: list[Object] | None, namespace: str, there: Place) -> bool:
    if peers is None:
        return True
    for peer in peers:
        if "namespaceSelector" in peer:
            in_namespace = bool(there.namespace) and _selects(
                peer["namespaceSelector"], {"kubernetes.io/metadata.name": there.namespace}
            )
        else:
            in_namespace = there.namespace == namespace
        if in_namespace and _selects(peer.get("podSelector", {}), there.labels):
            return True
    return False


def _ports(ports: list[Object] | None, port: int, protocol: str) -> bool:
    return ports is None or any(one["port"] == port and one["protocol"] == protocol for one in ports)


def _selects(selector: Object, labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    exist = [one["key"] for one in selector.get("matchExpressions", [])]
    return wanted.items() <= labels.items() and all(key in labels for key in exist)
