"""TrainJobs of the fake cluster, held to the published models, and the pods of their ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fake_http import Refused
from tests.fake_kubernetes.objects import a
from tests.fake_kubernetes.trainjob_contract import problems_of_trainjob

if TYPE_CHECKING:
    from tests.fake_kubernetes.server import State

Object = dict[str, Any]
_OURS = {"group": "trainer.kubeflow.org", "version": "v1alpha1", "plural": "trainjobs"}
_CONTAINER = "node"


@dataclass
class Trainer:
    """What there is, and what a test makes it do.

    Attributes:
        jobs: by name. A test sets ``status``.
        log: of rank 0.
        on_get: called with a job's name before each answer about it.
    """

    jobs: dict[str, Object] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    on_get: Callable[[str], object] = lambda job: None

    def end(self, name: str, kind: str, reason: str = "JobsDone", message: str = "") -> None:
        condition = {"type": kind, "status": "True", "reason": reason, "message": message}
        self.jobs[name]["status"] = {"conditions": [condition]}

    def answered(self, state: State, operation: str, parts: Mapping[str, str], body: Object | None) -> Object:
        """A call about the job that ``parts`` name."""
        if any(parts[key] != value for key, value in _OURS.items()):
            raise Refused(404, "the server could not find the requested resource")
        if operation.startswith("create"):
            return self._created(state, parts["namespace"], body or {})
        if operation.startswith("get"):
            self.on_get(parts["name"])
        if parts["name"] not in self.jobs:
            raise Refused(404, f"trainjobs {parts['name']} not found")
        return self.jobs.pop(parts["name"]) if operation.startswith("delete") else self.jobs[parts["name"]]

    def log_of(self, pod: str, query: Mapping[str, str]) -> str:
        if query.get("container") != _CONTAINER:
            raise Refused(400, f"pod {pod} has the container {_CONTAINER}, not {query.get('container')}")
        lines = self.log if pod.endswith("-0") else ["of another rank"]
        return "".join(f"{line}\n" for line in lines)

    def _created(self, state: State, namespace: str, job: Object) -> Object:
        if problems := problems_of_trainjob(job):
            raise Refused(422, "; ".join(problems), violates=True)
        name = job["metadata"]["name"]
        if name in self.jobs:
            raise Refused(409, f"trainjobs {name} already exists")
        self.jobs[name] = job
        for rank in (0, 1):
            state.put(_pod(name, namespace, rank))
        return job


def _pod(job: str, namespace: str, rank: int) -> Object:
    jobset = "jobset.sigs.k8s.io"
    labels = {
        f"{jobset}/jobset-name": job,
        f"{jobset}/replicatedjob-name": "node",
        "batch.kubernetes.io/job-completion-index": str(rank),
    }
    spec = {"containers": [{"name": _CONTAINER, "image": "x"}]}
    made = a("Pod", f"{job}-{rank}", namespace=namespace, labels=labels, spec=spec, status={"phase": "Running"})
    made["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:0{rank}Z"
    return made
