from __future__ import annotations

import copy
from typing import Any

import pytest

from dfpt.cluster import trainjob
from dfpt.cluster.config import Cluster
from dfpt.cluster.plan import Plan
from tests.fake_kubernetes.trainjob_contract import problems_of_trainjob

OWNER = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "dfpt-retraining-abc", "uid": "1-2-3"}
COMMAND = ["torchrun", "-m", "dfpt.runtime.worker", "/var/lib/dfpt/trainjobs/x/work.json"]


def plan(**settings: Any) -> Plan:
    cluster = {"home": "dfpt-home", "resources": {"distil": {"num_nodes": 2, **settings.pop("resources", {})}}}
    made = Plan.of("distil", Cluster.model_validate(cluster | settings), "dfpt@sha256:abc")
    assert made
    return made


def manifest(made: Plan) -> dict[str, Any]:
    return trainjob.manifest("dfpt-distil-1", "vision", made, COMMAND, {"MLFLOW_RUN_ID": "r"}, OWNER)


EVERYTHING = {
    "queue": "gpus",
    "labels": {"team": "vision"},
    "pull_secrets": ["registry"],
    "volumes": [{"claim": "images", "path": "/data"}],
    "config_maps": {"dfpt": ["MLFLOW_TRACKING_URI"]},
    "secrets": {
        "s3": {"keys": ["AWS_SECRET_ACCESS_KEY"]},
        "database": {"keys": ["DFPT_APPROVALS_TOKEN"], "steps": ["gate"]},
    },
    "resources": {
        "cpu": 8,
        "memory": "32Gi",
        "accelerator": {"count": 4},
        "num_processes": 4,
        "timeout": 3600,
        "node_selector": {"pool": "gpu"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    },
}


@pytest.mark.parametrize("settings", [{}, EVERYTHING], ids=["bare", "everything"])
def test_the_manifest_has_the_published_schema(settings: dict[str, Any]) -> None:
    assert problems_of_trainjob(manifest(plan(**copy.deepcopy(settings)))) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda job: job["spec"].update(podTemplateOverrides=[]), "podTemplateOverrides is unknown"),
        (lambda job: job["spec"]["trainer"].update(numNodes="2"), "numNodes"),
        (lambda job: job["spec"].pop("runtimeRef"), "runtimeRef"),
        (lambda job: job["spec"]["trainer"].update(volumes=[]), "volumes is unknown"),
        (lambda job: job["spec"]["runtimePatches"][0].pop("manager"), "manager"),
        (lambda job: container(job).update(env=[{"name": "A", "value": "b"}]), "only be set through spec.trainer"),
        (lambda job: job.update(apiVersion="kubeflow.org/v1"), "apiVersion"),
    ],
)
def test_what_the_trainer_would_drop_or_refuse_is_found_by_the_check(change: Any, said: str) -> None:
    job = manifest(plan())
    change(job)
    assert any(said in problem for problem in problems_of_trainjob(job))


def container(job: dict[str, Any]) -> dict[str, Any]:
    return pod(job)["containers"][0]


def pod(job: dict[str, Any]) -> dict[str, Any]:
    patch = job["spec"]["runtimePatches"][0]["trainingRuntimeSpec"]["template"]["spec"]
    return patch["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]


def test_nodes_processes_and_devices_are_those_asked_for() -> None:
    trainer = manifest(plan(**copy.deepcopy(EVERYTHING)))["spec"]["trainer"]
    assert (trainer["numNodes"], trainer["numProcPerNode"]) == (2, 4)
    assert trainer["resourcesPerNode"]["limits"] == {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "4"}
    assert trainer["resourcesPerNode"]["requests"] == trainer["resourcesPerNode"]["limits"]


def test_with_a_queue_kueue_starts_the_job() -> None:
    queued, at_once = manifest(plan(queue="gpus")), manifest(plan())
    assert queued["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    assert queued["spec"]["suspend"] is True
    assert at_once["spec"]["suspend"] is False
    assert "kueue.x-k8s.io/queue-name" not in at_once["metadata"]["labels"]


def test_the_job_goes_with_the_run() -> None:
    assert manifest(plan())["metadata"]["ownerReferences"] == [OWNER]


def test_every_node_sees_the_state_folder_and_has_the_steps_own_secrets_alone() -> None:
    job = manifest(plan(**copy.deepcopy(EVERYTHING)))
    mounts = {mount["name"]: mount["mountPath"] for mount in container(job)["volumeMounts"]}
    claims = {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in pod(job)["volumes"][:-1]}
    assert {claims.get(name, "memory"): path for name, path in mounts.items()} == {
        "dfpt-home": "/var/lib/dfpt",
        "images": "/data",
        "memory": "/dev/shm",
    }
    variables = {variable["name"] for variable in job["spec"]["trainer"]["env"]}
    assert variables == {"MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "AWS_SECRET_ACCESS_KEY"}


def test_no_node_runs_as_root() -> None:
    context = container(manifest(plan()))["securityContext"]
    assert context["runAsNonRoot"]
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}


def test_the_same_work_has_the_same_name_and_other_work_another() -> None:
    work = {"step": "distil", "config": {"seed": 0}}
    assert trainjob.name("distil", work) == trainjob.name("distil", dict(reversed(work.items())))
    assert trainjob.name("distil", work) != trainjob.name("distil", work | {"config": {"seed": 1}})
    assert len(trainjob.name("train-teacher", work)) <= 40  # JobSet adds -node-0-0 and a suffix, within 63
