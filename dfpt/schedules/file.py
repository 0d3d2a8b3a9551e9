"""schedules.yaml: what runs when, declared once, for the cluster and for one machine."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from dfpt import settings
from dfpt.config import Config, resolve
from dfpt.schedules import cron
from dfpt.settings import Positive, Section

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Hours = Annotated[float, Field(ge=0)]
LATEST = "latest"


class Work(Section):
    """What a run is, besides params.yaml.

    Attributes:
        set: ``a.b=c`` texts, as ``dfpt run --set`` takes them.
    """

    profile: str | None = None
    data: str | None = None
    set: tuple[str, ...] = ()

    def config(self, path: Path | None) -> Config:
        """The whole configuration of such a run. Raises UsageError as :func:`dfpt.config.resolve`."""
        import json

        more = [f"data.source={json.dumps(self.data)}"] if self.data else []
        return resolve(path, self.profile, [*self.set, *more])

    def arguments(self) -> list[str]:
        """The same as options of ``dfpt run``."""
        options = ["--profile", self.profile] if self.profile else []
        options += ["--data", self.data] if self.data else []
        return options + [word for assignment in self.set for word in ("--set", assignment)]


class Schedule(Section):
    """A recurring run. What was missed is not caught up, and one runs at a time."""

    cron: str  # second minute hour day month weekday
    timezone: str = "UTC"
    version: str = LATEST  # of the pipeline in the cluster: its name pins it
    enabled: bool | None = None  # null: as it was left by pause and resume
    run: Work = Work()

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        return cron.zone(name).key

    @model_validator(mode="after")
    def _fires(self) -> Schedule:
        read = cron.parse(self.cron)
        if len(read.seconds) > 1:
            raise ValueError(f"{self.cron!r} fires several times a minute: name one second")
        if cron.following(read, cron.zone(self.timezone), datetime.now(UTC)) is None:
            raise ValueError(f"{self.cron!r} never fires: no such day comes in the next five years")
        return self


class Trigger(Section):
    """What all triggers have.

    Attributes:
        cooldown_hours: after a request of this trigger none of it is filed for so long.
        runs_per_week: at most so many requests of this trigger in seven days.
    """

    cooldown_hours: Hours = 24.0
    runs_per_week: Positive = 3
    run: Work = Work()


class DataTrigger(Trigger):
    """The source holds other images than when it was looked at last."""

    kind: Literal["data"]
    source: str


class DriftTrigger(Trigger):
    """``dfpt data drift`` has found that the images of today are not like those of a data version."""

    kind: Literal["drift"]
    reference: str
    current: str


class AgeTrigger(Trigger):
    """What is in production is so old; asked for again after as many days where nothing newer was promoted."""

    kind: Literal["age"]
    model: str
    days: Positive


class UpstreamTrigger(Trigger):
    """A run of another pipeline in the cluster has succeeded."""

    kind: Literal["upstream"]
    experiment: str
    run_prefix: str = ""  # of the run's name


class WebhookTrigger(Trigger):
    """Somebody has called, and the signature is right.

    Attributes:
        secret: the name of the environment variable that holds the secret, never the secret.
    """

    kind: Literal["webhook"]
    secret: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


AnyTrigger = Annotated[
    DataTrigger | DriftTrigger | AgeTrigger | UpstreamTrigger | WebhookTrigger, Field(discriminator="kind")
]


class File(Section):
    """The whole file.

    Attributes:
        owner: whose recurring runs these are; those of others are never touched.
        cluster_timezone: what CRON_SCHEDULE_TIMEZONE of ml-pipeline-scheduledworkflow says.
        runs_per_week: at most so many requests of all triggers together in seven days.
    """

    owner: Name = "dfpt"
    cluster_timezone: str = "UTC"
    runs_per_week: Positive = 7
    schedules: dict[Name, Schedule] = Field(default_factory=dict)
    triggers: dict[Name, AnyTrigger] = Field(default_factory=dict)

    @field_validator("cluster_timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        return cron.zone(name).key


def read(path: Path) -> File:
    """Read and check the file.

    Raises:
        UsageError: unreadable, an unknown key, a cron that Kubeflow cannot read or that never fires, no such zone.
    """
    return settings.validated(File, settings.read(path, "Name one with --file; docs/schedules.md has one."), str(path))


def known(name: str, names: Iterable[str], what: str) -> str:
    """``name``, if the file has it.

    Raises:
        UsageError: it has not.
    """
    from dfpt.errors import UsageError

    names = list(names)
    if name not in names:
        raise UsageError(f"There is no {what} {name!r}: {', '.join(names) or 'none'}.", settings.nearest(name, names))
    return name
