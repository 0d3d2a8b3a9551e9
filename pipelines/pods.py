"""What a step's pod asks of Kubernetes, from the section ``cluster``.

A retry is all that Kubeflow can express: how often, and how long after. It knows nothing of exit codes, so a step that
has ended with wrong usage or a refusal leaves its error in the state folder, and its retry ends at once with the same
error instead of doing the work again (:mod:`dfpt.runtime.attempts`).
"""

from __future__ import annotations

from kfp import kubernetes
from kfp.dsl import PipelineTask

from dfpt.cluster.config import NOTIFY, Cluster, Resources
from dfpt.cluster.plan import HOME, Plan
from dfpt.runtime import accelerator, attempts

_WORKFLOW = "metadata.labels['workflows.argoproj.io/workflow']"
_LONGEST_WAIT = "3600s"


def ask(task: PipelineTask, name: str, cluster: Cluster, image: str) -> PipelineTask:
    """``task`` with all that ``cluster`` says of the step ``name``."""
    asked = cluster.of(name)
    task.set_container_image(image)
    _resources(task, name, asked, image, cluster)
    _placement(task, asked, cluster)
    _surroundings(task, name, cluster)
    if name == NOTIFY and cluster.notify:
        kubernetes.use_secret_as_env(task, cluster.notify, {key: key for key in ("DFPT_NOTIFY_URL", "DFPT_NOTIFY_KEY")})
    return task


def _resources(task: PipelineTask, name: str, asked: Resources, image: str, cluster: Cluster) -> None:
    if asked.cpu:
        task.set_cpu_request(asked.cpu).set_cpu_limit(asked.cpu)
    if asked.memory:
        task.set_memory_request(asked.memory).set_memory_limit(asked.memory)
    plan = Plan.of(name, cluster, image)
    if asked.accelerator and not (plan and asked.num_nodes > 1):  # the launcher of many nodes computes nothing itself
        task.set_accelerator_type(asked.accelerator.type).set_accelerator_limit(asked.accelerator.count)
        task.set_env_variable(accelerator.VARIABLE, str(asked.accelerator.count))
    if plan:
        task.set_env_variable(Plan.VARIABLE, plan.to_environment())
        kubernetes.use_field_path_as_env(task, "DFPT_POD", "metadata.name")
    if asked.timeout:
        kubernetes.set_timeout(task, asked.timeout)
    if asked.retries and name != NOTIFY:  # Kubeflow retries no exit handler
        task.set_retry(asked.retries, f"{asked.retry_after}s", 2.0, _LONGEST_WAIT)


def _placement(task: PipelineTask, asked: Resources, cluster: Cluster) -> None:
    for key, value in asked.node_selector.items():
        kubernetes.add_node_selector(task, key, value)
    for toleration in asked.tolerations:
        kubernetes.add_toleration(task, toleration.key, toleration.operator, toleration.value, toleration.effect)
    labels = {**cluster.labels, **({"kueue.x-k8s.io/queue-name": cluster.queue} if cluster.queue else {})}
    for key, value in labels.items():
        kubernetes.add_pod_label(task, key, value)
    if cluster.pull_secrets:
        kubernetes.set_image_pull_secrets(task, list(cluster.pull_secrets))
    kubernetes.set_security_context(task, run_as_non_root=True)


def _surroundings(task: PipelineTask, name: str, cluster: Cluster) -> None:
    kubernetes.use_field_path_as_env(task, attempts.RUN, _WORKFLOW)
    if cluster.home:
        kubernetes.mount_pvc(task, cluster.home, HOME)
    if name == NOTIFY:
        return
    for volume in cluster.volumes:
        kubernetes.mount_pvc(task, volume.claim, volume.path)
    for source, keys in cluster.config_maps.items():
        kubernetes.use_config_map_as_env(task, source, {key: key for key in keys})
    for source, keys in cluster.secrets_of(name).items():
        kubernetes.use_secret_as_env(task, source, {key: key for key in keys})
