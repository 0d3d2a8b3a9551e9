"""The manifest of a Kubeflow TrainJob (trainer.kubeflow.org/v1alpha1, Trainer 2.3): a pure function of the plan.

``runtimeRef`` and ``trainer`` cannot be changed once the job is there, so its name is a hash of all that goes into it:
a retry finds the job of the attempt before. Pod-level settings go into ``runtimePatches``, the training container's
environment into ``trainer.env``: a patch may not set it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from dfpt.cluster.config import Resources
from dfpt.cluster.plan import HOME, Plan

GROUP, VERSION, PLURAL, KIND = "trainer.kubeflow.org", "v1alpha1", "trainjobs", "TrainJob"
MANAGER = "dfpt.io/launcher"
NODE = "node"  # the runtime's replicated job, and the container in it
QUEUE = "kueue.x-k8s.io/queue-name"


def name(step: str, work: Mapping[str, Any]) -> str:
    """``dfpt-distil-0123456789abcdef``: the same for the same work, and short enough for the names of its pods.

    Args:
        work: all that decides what the job does, JSON's types alone.
    """
    digest = hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()
    return f"dfpt-{step}-{digest[:16]}"


def manifest(
    job: str, namespace: str, plan: Plan, command: list[str], environment: Mapping[str, str], owner: Mapping[str, str]
) -> dict[str, Any]:
    """The job as the API takes it.

    Args:
        job: its name.
        command: of every node's container; the runtime's torchrun settings come as PET_* variables.
        environment: values that are set besides those from config maps and secrets.
        owner: apiVersion, kind, name and uid of what the job goes with when that is deleted.
    """
    asked = plan.resources
    labels = {"app.kubernetes.io/part-of": "dfpt", **plan.labels}
    if plan.queue:
        labels[QUEUE] = plan.queue
    spec: dict[str, Any] = {
        "runtimeRef": {"apiGroup": GROUP, "kind": "ClusterTrainingRuntime", "name": plan.trainer.runtime},
        "suspend": plan.queue is not None,  # Kueue starts it when there is room
        "trainer": {
            "image": plan.image,
            "command": command,
            "env": _environment(plan, environment),
            "numNodes": asked.num_nodes,
            "numProcPerNode": asked.num_processes,
            "resourcesPerNode": _resources(asked),
        },
        "runtimePatches": [{"manager": MANAGER, "trainingRuntimeSpec": {"template": {"spec": _patch(plan)}}}],
    }
    if asked.timeout:
        spec["activeDeadlineSeconds"] = asked.timeout
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": job, "namespace": namespace, "labels": labels, "ownerReferences": [dict(owner)]},
        "spec": spec,
    }


def _resources(asked: Resources) -> dict[str, dict[str, str]]:
    amounts = {key: value for key, value in (("cpu", asked.cpu), ("memory", asked.memory)) if value}
    if asked.accelerator:
        amounts[asked.accelerator.type] = str(asked.accelerator.count)
    return {"requests": amounts, "limits": dict(amounts)}


def _environment(plan: Plan, values: Mapping[str, str]) -> list[dict[str, Any]]:
    variables: list[dict[str, Any]] = [{"name": key, "value": value} for key, value in sorted(values.items())]
    for kind, sources in (("configMapKeyRef", plan.config_maps), ("secretKeyRef", plan.secrets)):
        for source, keys in sources.items():
            variables += [{"name": key, "valueFrom": {kind: {"name": source, "key": key}}} for key in keys]
    return variables


def _patch(plan: Plan) -> dict[str, Any]:
    """What the pods have besides the runtime's: the shared files, /dev/shm for torch's workers, and their place."""
    claims = ([(plan.home, HOME)] if plan.home else []) + [(volume.claim, volume.path) for volume in plan.volumes]
    volumes: list[dict[str, Any]] = [
        {"name": f"claim-{number}", "persistentVolumeClaim": {"claimName": claim}}
        for number, (claim, _) in enumerate(claims)
    ]
    mounts = [{"name": f"claim-{number}", "mountPath": path} for number, (_, path) in enumerate(claims)]
    volumes.append({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": plan.trainer.shared_memory}})
    mounts.append({"name": "shm", "mountPath": "/dev/shm"})
    pod: dict[str, Any] = {
        "containers": [
            {
                "name": NODE,
                "volumeMounts": mounts,
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "runAsNonRoot": True,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            }
        ],
        "volumes": volumes,
    }
    if plan.resources.node_selector:
        pod["nodeSelector"] = plan.resources.node_selector
    if plan.resources.tolerations:
        pod["tolerations"] = [taint.model_dump(exclude_none=True) for taint in plan.resources.tolerations]
    if plan.pull_secrets:
        pod["imagePullSecrets"] = [{"name": secret} for secret in plan.pull_secrets]
    return {"replicatedJobs": [{"name": NODE, "template": {"spec": {"template": {"spec": pod}}}}]}
