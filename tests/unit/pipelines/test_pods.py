"""What the compiled pipeline asks of Kubernetes, read from the YAML that a cluster gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dfpt.cluster.config import TRAINING, Cluster
from dfpt.cluster.plan import Plan
from dfpt.errors import UsageError
from dfpt.graph import STEPS
from pipelines import compile as compiling

DIGEST = "registry.example/dfpt@sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def everything() -> Cluster:
    return Cluster.model_validate(
        {
            "image": DIGEST,
            "require_digest": True,
            "home": "dfpt-home",
            "pull_secrets": ["registry"],
            "volumes": [{"claim": "images", "path": "/data"}],
            "config_maps": {"dfpt": ["MLFLOW_TRACKING_URI"]},
            "secrets": {
                "database": {"keys": ["DFPT_APPROVALS_TOKEN"], "steps": ["gate", "register"]},
                "s3": {"keys": ["AWS_SECRET_ACCESS_KEY"]},
            },
            "notify": "hook",
            "queue": "gpus",
            "labels": {"team": "vision"},
            "deadline": 9000,
            "resources": {
                "default": {"cpu": 1, "memory": "2Gi", "timeout": 600, "retries": 2, "retry_after": 30},
                "train-teacher": {
                    "accelerator": {"count": 2},
                    "node_selector": {"pool": "gpu"},
                    "tolerations": [
                        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
                        {"key": "team", "value": "vision"},
                    ],
                    "num_processes": 2,
                },
                "distil": {"accelerator": {"count": 1}, "num_nodes": 4},
                "prepare": {"retries": 0},
            },
        }
    )


@pytest.fixture(scope="module")
def documents(everything: Cluster, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path = compiling.compile_pipeline(everything, tmp_path_factory.mktemp("compiled") / "retraining.yaml")
    return list(yaml.safe_load_all(path.read_text()))


@pytest.fixture(scope="module")
def containers(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Task -> its container."""
    executors = documents[0]["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): executor["container"] for name, executor in executors.items()}


@pytest.fixture(scope="module")
def pods(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Task -> what is Kubernetes' own of its pod."""
    executors = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): pod for name, pod in executors.items()}


@pytest.fixture(scope="module")
def tasks(documents: list[dict[str, Any]]) -> dict[str, Any]:
    graphs = [documents[0]["root"], *documents[0]["components"].values()]
    return {name: task for graph in graphs for name, task in graph.get("dag", {}).get("tasks", {}).items()}


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container.get("env", [])}


def secrets(pod: dict[str, Any]) -> set[str]:
    return {secret["secretName"] for secret in pod.get("secretAsEnv", [])}


def test_every_task_runs_in_the_one_image_as_no_root(containers: dict[str, Any], pods: dict[str, Any]) -> None:
    assert set(containers) == {*STEPS, "notify"}
    assert {container["image"] for container in containers.values()} == {DIGEST}
    assert all(pod["securityContext"] == {"runAsNonRoot": True} for pod in pods.values())
    assert all(pod["imagePullSecret"][0]["secretName"] == "registry" for pod in pods.values())


def test_a_step_has_what_it_asks_for_and_the_others_the_default(
    containers: dict[str, Any], pods: dict[str, Any]
) -> None:
    teacher, other = containers["train-teacher"]["resources"], containers["evaluate"]["resources"]
    assert (teacher["accelerator"]["resourceType"], teacher["accelerator"]["resourceCount"]) == ("nvidia.com/gpu", "2")
    assert "accelerator" not in other
    assert (other["resourceCpuLimit"], other["resourceMemoryRequest"]) == ("1", "2Gi")
    assert pods["train-teacher"]["nodeSelector"]["labels"] == {"pool": "gpu"}
    assert [taint["key"] for taint in pods["train-teacher"]["tolerations"]] == ["nvidia.com/gpu", "team"]
    assert "tolerations" not in pods["evaluate"]
    assert environment(containers["train-teacher"])["DFPT_ACCELERATORS"] == "2"


def test_retries_wait_longer_each_time_and_the_exit_handler_has_none(tasks: dict[str, Any]) -> None:
    assert tasks["distil"]["retryPolicy"] == {
        "maxRetryCount": 2,
        "backoffDuration": "30s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "3600s",
    }
    assert "retryPolicy" not in tasks["prepare"]
    assert "retryPolicy" not in tasks["notify"]


def test_times_out_by_step_and_as_a_whole(documents: list[dict[str, Any]], pods: dict[str, Any]) -> None:
    assert {pod["activeDeadlineSeconds"] for pod in pods.values()} == {"600"}
    assert documents[1]["platforms"]["kubernetes"]["pipelineConfig"]["activeDeadlineSeconds"] == 9000


def test_a_secret_reaches_only_the_steps_that_need_it(pods: dict[str, Any]) -> None:
    assert secrets(pods["register"]) == {"database", "s3"}
    assert secrets(pods["prepare"]) == {"s3"}
    assert secrets(pods["notify"]) == {"hook"}
    assert pods["evaluate"]["configMapAsEnv"][0]["configMapName"] == "dfpt"


def test_no_secret_and_no_address_is_baked_in(containers: dict[str, Any]) -> None:
    assert {name for container in containers.values() for name in environment(container)} == {
        "DFPT_ACCELERATORS",
        "DFPT_LAUNCH",
    }


def test_volumes_labels_and_the_runs_name(pods: dict[str, Any]) -> None:
    mounts = {mount["mountPath"]: mount["pvcNameParameter"] for mount in pods["distil"]["pvcMount"]}
    assert set(mounts) == {"/var/lib/dfpt", "/data"}
    assert pods["distil"]["podMetadata"]["labels"] == {"team": "vision", "kueue.x-k8s.io/queue-name": "gpus"}
    assert {field["name"] for field in pods["distil"]["fieldPathAsEnv"]} == {"DFPT_RUN", "DFPT_POD"}


def test_the_launcher_of_many_nodes_computes_nothing_itself(containers: dict[str, Any]) -> None:
    assert "accelerator" not in containers["distil"]["resources"]
    plan = Plan.model_validate_json(environment(containers["distil"])["DFPT_LAUNCH"])
    assert (plan.resources.num_nodes, plan.resources.accelerator.count) == (4, 1)
    assert (plan.image, plan.home, plan.queue) == (DIGEST, "dfpt-home", "gpus")
    assert set(plan.secrets) == {"s3"}
    many = Plan.model_validate_json(environment(containers["train-teacher"])["DFPT_LAUNCH"])
    assert (many.resources.num_processes, many.resources.num_nodes) == (2, 1)
    assert not {"DFPT_LAUNCH"} & set(environment(containers["train-baseline"]))


def test_what_the_cluster_says_is_no_part_of_a_steps_inputs(tmp_path: Path, documents: list[dict[str, Any]]) -> None:
    bare = next(
        yaml.safe_load_all(compiling.compile_pipeline(Cluster(), tmp_path / "bare.yaml").read_text(encoding="utf-8"))
    )
    assert bare["components"] == {
        name: component if "dag" not in component else bare["components"][name]
        for name, component in documents[0]["components"].items()
    }
    for name in STEPS:
        given, other = (
            document["deploymentSpec"]["executors"][f"exec-{name}"]["container"] for document in (bare, documents[0])
        )
        assert (given["command"], given["args"]) == (other["command"], other["args"])


def test_in_production_an_image_without_its_digest_is_not_compiled(everything: Cluster, tmp_path: Path) -> None:
    out = tmp_path / "x.yaml"
    with pytest.raises(UsageError, match="not named by its digest"):
        compiling.compile_pipeline(everything, out, "dfpt:1")
    assert not out.exists()


def test_a_changed_pipeline_is_a_new_version_and_the_same_one_is_not(tmp_path: Path) -> None:
    first, same, other = (
        compiling.version_name(compiling.compile_manifests(cluster, tmp_path / f"{number}.yaml"))
        for number, cluster in enumerate((Cluster(), Cluster(), Cluster(deadline=7)))
    )
    assert first == same != other


def test_the_manifests_are_a_pipeline_and_its_version_in_the_namespace(tmp_path: Path) -> None:
    path = compiling.compile_manifests(Cluster(namespace="vision"), tmp_path / "kubernetes.yaml")
    pipeline, version = yaml.safe_load_all(path.read_text())
    assert (pipeline["kind"], version["kind"]) == ("Pipeline", "PipelineVersion")
    assert {found["metadata"]["namespace"] for found in (pipeline, version)} == {"vision"}
    assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"] == "dfpt-retraining"
    assert len(version["metadata"]["name"]) <= 63
    assert json.dumps(version["spec"]["platformSpec"]).count("DFPT_RUN") == len(STEPS) + 1


def test_only_training_steps_can_have_an_accelerator() -> None:
    for step in TRAINING:
        Cluster.model_validate({"resources": {step: {"accelerator": {"count": 1}}}})
