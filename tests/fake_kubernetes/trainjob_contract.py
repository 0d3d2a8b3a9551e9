"""The published schemas, strictly: what the API would drop, as it does with an unknown field, is an error here."""

from __future__ import annotations

from typing import Any

from kubeflow_trainer_api.models import TrainerV1alpha1TrainJob
from pydantic import ValidationError

# What the models leave to the server, from the Trainer's CRD and its admission webhook.
_NODE_CONTAINERS = ("node", "dataset-initializer", "model-initializer")


def problems_of_trainjob(manifest: dict[str, Any]) -> list[str]:
    """What is wrong with a TrainJob of trainer.kubeflow.org/v1alpha1; empty where nothing is."""
    try:
        read = TrainerV1alpha1TrainJob.from_dict(manifest)
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        return [str(error)]
    assert read is not None
    found = list(dropped(manifest, read.to_dict()))
    if manifest.get("apiVersion") != "trainer.kubeflow.org/v1alpha1" or manifest.get("kind") != "TrainJob":
        found.append("apiVersion or kind")
    for patch in manifest.get("spec", {}).get("runtimePatches") or []:
        template = patch.get("trainingRuntimeSpec", {}).get("template", {})
        for job in template.get("spec", {}).get("replicatedJobs", []):
            for container in job["template"]["spec"]["template"]["spec"].get("containers", []):
                if "env" in container and container["name"] in _NODE_CONTAINERS:
                    found.append(f"env of {container['name']} can only be set through spec.trainer")
    return found


def dropped(given: Any, kept: Any, where: str = "") -> list[str]:
    """The places of ``given`` that are not in ``kept``."""
    if isinstance(given, dict) and isinstance(kept, dict):
        missing = [f"{where}.{key} is unknown" for key in given if key not in kept]
        return missing + [
            line for key in given if key in kept for line in dropped(given[key], kept[key], f"{where}.{key}")
        ]
    if isinstance(given, list) and isinstance(kept, list):
        return [
            line
            for n, (one, other) in enumerate(zip(given, kept, strict=True))
            for line in dropped(one, other, f"{where}[{n}]")
        ]
    return []
