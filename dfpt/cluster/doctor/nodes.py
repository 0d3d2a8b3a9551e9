"""Whether there is a node for every step: accelerators, cores, memory, labels, taints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from dfpt.cluster.config import Cluster, Resources, Toleration
from dfpt.cluster.doctor.connection import Connection
from dfpt.finding import Finding
from dfpt.graph import STEPS


def fitting(connection: Connection, cluster: Cluster) -> Iterator[Finding]:
    """One finding for each amount that steps ask for. How busy the nodes are is not looked at."""
    from kubernetes.client import CoreV1Api

    nodes = connection.ask("list the nodes", connection.api(CoreV1Api).list_node).items
    by_request: dict[str, list[str]] = {}
    for step in STEPS:
        by_request.setdefault(_said(cluster.of(step)), []).append(step)
    for said, steps in by_request.items():
        asked = cluster.of(steps[0])
        fit = [node for node in nodes if not _lacks(node, asked)]
        lacks = sorted({lack for node in nodes for lack in _lacks(node, asked)})
        yield Finding(
            f"nodes for {', '.join(steps)}",
            len(fit) >= asked.num_nodes,
            f"{len(fit)} of {len(nodes)} have {said}" + (f"; the others lack {', '.join(lacks)}" if lacks else ""),
            f"Add such nodes, or ask for less: cluster.resources in params.yaml ({asked.num_nodes} needed).",
        )


def _said(asked: Resources) -> str:
    wanted = [f"{amount} {name}" for name, amount in _amounts(asked).items()]
    wanted += [f"{key}={value}" for key, value in asked.node_selector.items()]
    return ", ".join(wanted) or "what no step asks for"


def _amounts(asked: Resources) -> dict[str, str]:
    amounts = {name: value for name, value in (("cpu", asked.cpu), ("memory", asked.memory)) if value}
    if asked.accelerator:
        amounts[asked.accelerator.type] = str(asked.accelerator.count)
    return amounts


def _lacks(node: Any, asked: Resources) -> list[str]:
    """What keeps a pod that asks so from this node."""
    from kubernetes.utils import parse_quantity

    there: Mapping[str, str] = node.status.allocatable or {}
    lacks = [
        name
        for name, amount in _amounts(asked).items()
        if Decimal(parse_quantity(there.get(name, "0"))) < Decimal(parse_quantity(amount))
    ]
    labels = node.metadata.labels or {}
    lacks += [f"the label {key}={value}" for key, value in asked.node_selector.items() if labels.get(key) != value]
    taints = [taint for taint in node.spec.taints or [] if taint.effect != "PreferNoSchedule"]
    lacks += [
        f"a toleration of {taint.key}"
        for taint in taints
        if not any(_tolerates(one, taint) for one in asked.tolerations)
    ]
    if node.spec.unschedulable:
        lacks.append("permission to schedule")
    return lacks


def _tolerates(toleration: Toleration, taint: Any) -> bool:
    return (
        toleration.key == taint.key
        and toleration.effect in (None, taint.effect)
        and (toleration.operator == "Exists" or toleration.value == (taint.value or ""))
    )
