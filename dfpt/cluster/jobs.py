"""The few calls of the Kubernetes API that the launcher makes, and their failures in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dfpt.cluster.trainjob import GROUP, NODE, PLURAL, VERSION
from dfpt.errors import DfptError, StepFailed, UsageError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECONDS = 30  # of one call, but for the logs, which last as long as the job
_RANK_0 = f"jobset.sigs.k8s.io/replicatedjob-name={NODE},batch.kubernetes.io/job-completion-index=0"

# HTTP status -> what it means here, what to do. The rest is a failure that may pass.
_BY_STATUS: dict[int, tuple[type[DfptError], str, str]] = {
    400: (UsageError, "refuses the request", "Compare the Trainer's version with docs/kubeflow.md: dfpt needs 2.3."),
    401: (UsageError, "does not know this pod's service account", "Look whether its token is mounted."),
    403: (UsageError, "does not allow it", "Give the pipeline's service account the launcher's role (charts/dfpt)."),
    404: (UsageError, "knows no such thing", "Install Kubeflow Trainer 2.3 and its runtimes."),
    422: (UsageError, "finds the job invalid", "Compare the Trainer's version with docs/kubeflow.md: dfpt needs 2.3."),
}


class Gone(StepFailed):
    """Somebody deleted the job."""


class Jobs:
    """TrainJobs and their pods in one namespace.

    Args:
        client: of the package kubernetes; it knows the server and the credentials.
    """

    def __init__(self, client: Any, namespace: str) -> None:
        from kubernetes.client import CoreV1Api, CustomObjectsApi

        self._custom, self._core = CustomObjectsApi(client), CoreV1Api(client)
        self._where = (GROUP, VERSION, namespace, PLURAL)
        self.namespace = namespace

    def create(self, manifest: Mapping[str, Any]) -> bool:
        """False where a job of this name is there already."""
        from kubernetes.client import ApiException

        with _said(f"create the TrainJob {manifest['metadata']['name']}"):
            try:
                self._custom.create_namespaced_custom_object(
                    *self._where, dict(manifest), field_validation="Strict", _request_timeout=_SECONDS
                )
            except ApiException as error:
                if error.status != 409:
                    raise
                return False
        return True

    def get(self, name: str) -> dict[str, Any]:
        """Raises Gone where there is none."""
        from kubernetes.client import ApiException

        with _said(f"read the TrainJob {name}"):
            try:
                found: dict[str, Any] = self._custom.get_namespaced_custom_object(
                    *self._where, name, _request_timeout=_SECONDS
                )
            except ApiException as error:
                if error.status != 404:
                    raise
                raise Gone(f"The TrainJob {name} was deleted.", "Run again.") from error
        return found

    def delete(self, name: str) -> None:
        """Delete the job and its pods; one that is gone is no error."""
        from kubernetes.client import ApiException

        with _said(f"delete the TrainJob {name}"):
            try:
                self._custom.delete_namespaced_custom_object(
                    *self._where, name, propagation_policy="Foreground", _request_timeout=_SECONDS
                )
            except ApiException as error:
                if error.status != 404:
                    raise

    def owner(self, pod: str) -> dict[str, str]:
        """What owns ``pod``, which is the run's Workflow, else the pod itself: the job is deleted with it."""
        with _said(f"read the pod {pod}"):
            meta = self._core.read_namespaced_pod(pod, self.namespace, _request_timeout=_SECONDS).metadata
        for above in meta.owner_references or ():
            return {"apiVersion": above.api_version, "kind": above.kind, "name": above.name, "uid": above.uid}
        return {"apiVersion": "v1", "kind": "Pod", "name": meta.name, "uid": meta.uid}

    def rank_0(self, job: str) -> str | None:
        """The newest pod of rank 0 that has started; None as long as there is none."""
        with _said(f"list the pods of {job}"):
            pods = self._core.list_namespaced_pod(
                self.namespace,
                label_selector=f"jobset.sigs.k8s.io/jobset-name={job},{_RANK_0}",
                _request_timeout=_SECONDS,
            ).items
        started = [pod for pod in pods if pod.status.phase in ("Running", "Succeeded", "Failed")]
        newest = max(started, key=lambda pod: pod.metadata.creation_timestamp, default=None)
        return newest.metadata.name if newest else None

    def log(self, pod: str) -> Iterator[str]:
        """The lines of ``pod``'s training container, as they come, until it has ended."""
        stream = self._core.read_namespaced_pod_log(
            pod, self.namespace, container=NODE, follow=True, _preload_content=False
        )
        rest = b""
        try:
            for part in stream.stream():
                *lines, rest = (rest + part).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)
        finally:
            stream.release_conn()
        if rest:
            yield rest.decode(errors="replace")


def in_cluster() -> Jobs:
    """As this pod's service account."""
    from kubernetes import client, config

    try:
        config.load_incluster_config()
        namespace = (ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    except (config.ConfigException, OSError) as error:
        raise UsageError(
            f"Many nodes were asked for, but this is no pod of a cluster: {error}", "Leave num_nodes at 1 here."
        ) from error
    return Jobs(client.ApiClient(), namespace)


@contextlib.contextmanager
def _said(doing: str) -> Iterator[None]:
    """An API's failure as an error with its remedy."""
    import urllib3
    from kubernetes.client import ApiException

    try:
        yield
    except ApiException as error:
        kind, what, remedy = _BY_STATUS.get(error.status, (StepFailed, f"answered {error.status}", "Run again."))
        detail = f" ({error.body[:500]})" if error.body else ""
        raise kind(f"Cannot {doing}: the Kubernetes API {what}{detail}.", remedy) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StepFailed(f"Cannot {doing}: the Kubernetes API does not answer ({error}).", "Run again.") from error
