"""What the launcher in a step's pod is told: how many processes, on how many nodes, and what each node needs."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from dfpt.cluster.config import Cluster, Name, Resources, Trainer, Variable, Volume
from dfpt.settings import Section

HOME = "/var/lib/dfpt"  # the image's DFPT_HOME


class Plan(Section):
    """One step's share of the section ``cluster``, in the variable DFPT_LAUNCH of its pod."""

    VARIABLE: ClassVar[str] = "DFPT_LAUNCH"

    image: str
    resources: Resources
    trainer: Trainer = Trainer()
    home: Name | None = None
    volumes: tuple[Volume, ...] = ()
    pull_secrets: tuple[Name, ...] = ()
    config_maps: dict[Name, tuple[Variable, ...]] = Field(default_factory=dict)
    secrets: dict[Name, tuple[Variable, ...]] = Field(default_factory=dict)
    queue: Name | None = None
    labels: dict[str, str] = Field(default_factory=dict)

    @classmethod
    def of(cls, step: str, cluster: Cluster, image: str) -> Plan | None:
        """The plan of ``step``; None where it runs in the pod's own process."""
        asked = cluster.of(step)
        if asked.num_processes == 1 and asked.num_nodes == 1:
            return None
        own = {"image": image, "resources": asked, "secrets": cluster.secrets_of(step)}
        return cls(**own, **{name: getattr(cluster, name) for name in cls.model_fields if name not in own})

    def to_environment(self) -> str:
        return self.model_dump_json(exclude_defaults=True)
