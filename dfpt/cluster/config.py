"""The section ``cluster`` of params.yaml: where the pipeline runs on Kubernetes, and what each step asks for there.

No step reads it, so none of it is part of a result or of a cache key.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dfpt.graph import STEPS
from dfpt.settings import Positive, Section, nearest

NOTIFY = "notify"  # the task that tells how the run ended
DEFAULT = "default"
OF_THE_SERVICE = ("DFPT_AUDIT_KEY", "DFPT_REGISTRY_URL")  # with them a pod could write the log of approvals itself
TRAINING = ("train-teacher", "train-baseline", "tune-prompt", "distil")  # can use devices and many processes

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]  # of a Kubernetes object
Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
Cores = Annotated[str, Field(pattern=r"^([0-9]+(\.[0-9]+)?|[1-9][0-9]*m)$", coerce_numbers_to_str=True)]
Bytes = Annotated[str, Field(pattern=r"^[1-9][0-9]*(\.[0-9]+)?(Ki|Mi|Gi|Ti|K|M|G|T)?$", coerce_numbers_to_str=True)]
Count = Annotated[int, Field(ge=0)]


class Accelerator(Section):
    """Devices of one pod."""

    type: str = "nvidia.com/gpu"  # the resource's name in Kubernetes
    count: Positive = 1


class Toleration(Section):
    """A taint that a pod puts up with."""

    key: str
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str | None = None
    effect: Literal["NoExecute", "NoSchedule", "PreferNoSchedule"] | None = None

    @model_validator(mode="after")
    def _has_what_its_operator_compares(self) -> Toleration:
        if (self.operator == "Equal") == (self.value is None):
            raise ValueError("operator Equal needs a value, Exists takes none")
        return self


class Resources(Section):
    """What one step's pod asks for; under ``default`` what every step does that says nothing else."""

    cpu: Cores | None = None  # request and limit
    memory: Bytes | None = None  # request and limit
    accelerator: Accelerator | None = None
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    timeout: Count = 0  # seconds until the pod is ended; 0: never
    retries: Count = 0  # after a failure that may pass; wrong usage and refusals are not worked on again
    retry_after: Positive = 60  # seconds before the first retry, doubled for each that follows
    num_processes: Positive = 1  # of torchrun, in each node
    num_nodes: Positive = 1  # more than one: a Kubeflow TrainJob


class Secret(Section):
    """Which of a Secret's keys become variables of the same name, and in which steps' pods."""

    keys: tuple[Variable, ...]
    steps: tuple[str, ...] = ()  # empty: in every step's


class Volume(Section):
    """A PersistentVolumeClaim and where it is mounted in every step's pod."""

    claim: Name
    path: Annotated[str, Field(pattern=r"^/.+")]


class Trainer(Section):
    """How the launcher asks Kubeflow Trainer for many nodes."""

    runtime: Name = "torch-distributed"  # a ClusterTrainingRuntime whose replicated job and container are named node
    shared_memory: Bytes = "2Gi"  # /dev/shm of each node


class Cluster(Section):
    """Where and how the pipeline runs on Kubernetes."""

    host: str | None = None  # URL of the Kubeflow Pipelines API; null: found from inside the cluster
    namespace: Name = "kubeflow"
    experiment: str = "dfpt"
    service_account: Name = "dfpt-pipeline"
    image: str | None = None  # null: the package's own name and version, which `make image` builds
    require_digest: bool = False  # true: an image that is not named by its digest is refused
    resolve_digest: bool = True  # a tag becomes the digest that its registry has for it; false: no registry is asked
    pull_secrets: tuple[Name, ...] = ()
    home: Name | None = None  # a ReadWriteMany claim for checkpoints and measurements; null: lost with each pod
    volumes: tuple[Volume, ...] = ()
    config_maps: dict[Name, tuple[Variable, ...]] = Field(default_factory=dict)  # name -> keys, as variables
    secrets: dict[Name, Secret] = Field(default_factory=dict)
    notify: Name | None = None  # a secret with DFPT_NOTIFY_URL and DFPT_NOTIFY_KEY; null: the log alone
    queue: Name | None = None  # Kueue's LocalQueue
    labels: dict[str, str] = Field(default_factory=dict)  # of every step's pod
    cache_days: Count = 0  # age at which a step's result is made anew; 0: never
    deadline: Count = 0  # seconds until the whole run is ended; 0: never
    trainer: Trainer = Trainer()
    resources: dict[str, Resources] = Field(default_factory=dict)  # by step, and `default`

    @model_validator(mode="after")
    def _asks_only_for_what_is_of_use(self) -> Cluster:
        for name, secret in self.secrets.items():
            if held := [key for key in secret.keys if key in OF_THE_SERVICE]:
                raise ValueError(
                    f"secrets.{name}.keys: {held[0]} belongs to the approvals service alone; "
                    "runs file by DFPT_APPROVALS_TOKEN (docs/kubeflow.md)"
                )
            if unknown := [step for step in secret.steps if step not in STEPS]:
                raise ValueError(f"secrets.{name}.steps: no such step. {nearest(unknown[0], STEPS)}".rstrip())
        known = [DEFAULT, *STEPS, NOTIFY]
        for name, asked in self.resources.items():
            if name not in known:
                raise ValueError(f"resources.{name}: no such step. {nearest(name, known)}".rstrip())
            if asked.accelerator and name not in TRAINING:
                raise ValueError(
                    f"resources.{name}.accelerator: this step cannot use one; only {', '.join(TRAINING)} can"
                )
            if (asked.num_processes > 1 or asked.num_nodes > 1) and name not in TRAINING:
                raise ValueError(
                    f"resources.{name}: this step runs in one process; only {', '.join(TRAINING)} run in many"
                )
            if asked.num_nodes > 1 and not self.home:
                raise ValueError(f"resources.{name}.num_nodes: many nodes share files, so home must name a claim")
        return self

    def secrets_of(self, step: str) -> dict[str, tuple[str, ...]]:
        """Secret -> the keys that ``step``'s pod has as variables."""
        return {name: secret.keys for name, secret in self.secrets.items() if not secret.steps or step in secret.steps}

    def of(self, task: str) -> Resources:
        """What ``task``'s pod asks for: its own settings, and the default's where it has none."""
        default, own = (self.resources.get(name, Resources()) for name in (DEFAULT, task))
        return default.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})
