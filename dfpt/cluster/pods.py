"""The logs of a run's pods, by the Kubernetes API: Kubeflow Pipelines has none in its own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dfpt import errors
from dfpt.cluster.errors import Forbidden, NotSignedIn, NotThere, Unreachable
from dfpt.errors import DfptError, UsageError

RUN_LABEL = "pipeline/runid"
NODE_ANNOTATION = "workflows.argoproj.io/node-name"
_CONTAINER = "main"
_ATTEMPT = re.compile(r"\(\d+\)$")
_OURS = re.compile(r"^(?P<kind>\w+): (?P<message>.+)$")


@dataclass(frozen=True)
class Pod:
    """A pod that ran a step's own code."""

    name: str
    step: str
    started: str


def step_of(node: str) -> str | None:
    """The step that Argo's node is the executor of; None for a driver, a graph, an exit handler's own nodes.

    ``wf.root.prepare.executor`` is prepare's, ``wf.root.condition-1.register(0).executor(1)`` register's.
    """
    parts = [_ATTEMPT.sub("", part) for part in node.split(".")]
    return parts[-2] if len(parts) > 2 and parts[-1] == "executor" else None


def explained(log: str) -> DfptError | None:
    """The error that a step of ours printed last: it has the exit code that Kubeflow's launcher does not pass on."""
    for line in reversed(log.splitlines()):
        found = _OURS.match(line.strip())
        kind = getattr(errors, found["kind"], None) if found else None
        if found and isinstance(kind, type) and issubclass(kind, DfptError):
            return kind(found["message"])
    return None


class Pods:
    """The pods of one namespace."""

    def __init__(self, namespace: str, core: Any = None) -> None:
        """``core``: a CoreV1Api; by default as kubeconfig or the service account has it."""
        self.namespace = namespace
        self._core = core or _core()

    def of(self, run_id: str) -> list[Pod]:
        """Those of a run that ran a step, the oldest first."""
        found = self._call(
            "looking for the pods", self._core.list_namespaced_pod, label_selector=f"{RUN_LABEL}={run_id}"
        )
        pods = []
        for item in found.items:
            step = step_of((item.metadata.annotations or {}).get(NODE_ANNOTATION, ""))
            if step is not None:
                pods.append(Pod(item.metadata.name, step, str(item.metadata.creation_timestamp)))
        return sorted(pods, key=lambda pod: pod.started)

    def log(self, pod: Pod, tail: int | None = None) -> str:
        """What it printed."""
        more = {"tail_lines": tail} if tail else {}
        return str(
            self._call("reading the log", self._core.read_namespaced_pod_log, pod.name, container=_CONTAINER, **more)
        )

    def logs(self, run_id: str, step: str | None, tail: int | None = None) -> Iterator[tuple[Pod, str]]:
        """The logs of a run, of one step or of all.

        Raises:
            NotThere: no pod: none has started, or they have been collected.
        """
        pods = [pod for pod in self.of(run_id) if step in (None, pod.step)]
        if not pods:
            of = f"step {step} of run {run_id}" if step else f"run {run_id}"
            raise NotThere(
                f"There is no pod of {of} in namespace {self.namespace}.",
                "Its step came from the cache, has not begun, or its pod was removed; MLflow keeps the figures.",
            )
        for pod in pods:
            yield pod, self.log(pod, tail)

    def _call(self, doing: str, call: Any, *args: Any, **more: Any) -> Any:
        import urllib3
        from kubernetes.client import ApiException

        host = self._core.api_client.configuration.host
        try:
            return call(*args, namespace=self.namespace, _request_timeout=30, **more)
        except ApiException as error:
            kinds = {401: NotSignedIn, 403: Forbidden, 404: NotThere}
            raise kinds.get(error.status, errors.StepFailed)(
                f"{doing}: Kubernetes at {host} answers {error.status} {error.reason}.",
                f"This needs the verbs get and list on pods and pods/log in {self.namespace}.",
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(
                f"{doing}: no answer from Kubernetes at {host}: {error}.",
                "kubectl cluster-info shows whether it is there.",
            ) from error


def _core() -> Any:
    from kubernetes import client, config

    try:  # not load_config, which prints
        if os.environ.get("KUBERNETES_SERVICE_HOST"):
            config.load_incluster_config()
        else:
            config.load_kube_config()
    except config.ConfigException as error:
        raise UsageError(
            "There is no kubeconfig, and this is no pod: logs are read from Kubernetes.",
            "Name one in KUBECONFIG; dfpt pipeline status needs none.",
        ) from error
    return client.CoreV1Api()
