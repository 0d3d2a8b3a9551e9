"""What has to change so that the cluster's recurring runs are what the file says. Nothing here speaks to anybody."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dfpt.errors import UsageError

if TYPE_CHECKING:
    import kfp_server_api as api

_MARK = re.compile(r"^dfpt-schedule owner=(?P<owner>[a-z0-9-]+) digest=(?P<digest>[0-9a-f]{64})$", re.MULTILINE)
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Foreign(UsageError):
    """A recurring run of that name is not ours."""


@dataclass(frozen=True)
class Desired:
    """A recurring run as the file wants it.

    Attributes:
        cron: in the cluster's zone.
        said: the same as the file says it, for people.
        version: the pinned version's name; None for the newest.
        enabled: None leaves it as it is.
    """

    name: str
    cron: str
    said: str
    pipeline: str
    version: str | None
    parameters: Mapping[str, Any]
    service_account: str
    enabled: bool | None

    @property
    def digest(self) -> str:
        """Of all that cannot be changed in the cluster, where there is no update: another digest is another run."""
        content = [self.cron, self.pipeline, self.version, self.parameters, self.service_account]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def description(self, owner: str) -> str:
        """What people read in Kubeflow's UI, and the mark by which we know our own."""
        return f"{self.said}. Declared in schedules.yaml: changes made here are lost.\n{mark(owner, self.digest)}"


@dataclass(frozen=True)
class Existing:
    """A recurring run in the cluster.

    Attributes:
        owner: by its mark; None where it has none.
    """

    id: str
    name: str
    cron: str
    enabled: bool
    owner: str | None
    digest: str | None
    created_at: datetime


@dataclass(frozen=True)
class Change:
    """One thing to do.

    Attributes:
        deed: upload, create, replace, remove, enable or disable.
        ids: of the recurring runs that it is about: those that go, or the one that is paused or resumed.
        enabled: of one that is made: whether it starts enabled.
    """

    deed: str
    name: str
    why: str
    ids: tuple[str, ...] = ()
    enabled: bool = True


def mark(owner: str, digest: str) -> str:
    return f"dfpt-schedule owner={owner} digest={digest}"


def existing(run: api.V2beta1RecurringRun) -> Existing:
    """A recurring run as the API gives it."""
    found = _MARK.search(run.description or "")
    schedule = run.trigger.cron_schedule if run.trigger else None
    return Existing(
        str(run.recurring_run_id),
        str(run.display_name),
        (schedule.cron if schedule else None) or "",
        run.status == "ENABLED",
        found["owner"] if found else None,
        found["digest"] if found else None,
        run.created_at or _BEGINNING,
    )


def changes(desired: Iterable[Desired], found: Iterable[Existing], owner: str) -> list[Change]:
    """What to do, in the file's order; nothing where the cluster is as the file says.

    Raises:
        Foreign: a name is taken by a recurring run that is not ours.
    """
    wanted = {declared.name: declared for declared in desired}
    by_name: dict[str, list[Existing]] = {}
    for item in found:
        by_name.setdefault(item.name, []).append(item)
    planned: list[Change] = []
    for name, declared in wanted.items():
        planned += _of_one(declared, own(by_name.get(name, []), name, owner))
    for name, items in by_name.items():
        mine = [item for item in items if item.owner == owner]
        if mine and name not in wanted:
            ids = tuple(item.id for item in mine)
            planned.append(Change("remove", name, "the file has it no more", ids))
    return planned


def own(found: Iterable[Existing], name: str, owner: str) -> list[Existing]:
    """Those of that name, the oldest first.

    Raises:
        Foreign: one of them is somebody else's.
    """
    mine = sorted((item for item in found if item.name == name), key=lambda item: (item.created_at, item.id))
    for item in mine:
        if item.owner != owner:
            whose = f"owned by {item.owner!r}" if item.owner else "not declared in any schedules.yaml"
            raise Foreign(
                f"The recurring run {name!r} ({item.id}) is {whose}, and this file's owner is {owner!r}.",
                "Give the schedule another name, or remove the other one in Kubeflow's UI.",
            )
    return mine


def _of_one(desired: Desired, mine: list[Existing]) -> list[Change]:
    name = desired.name
    if not mine:
        return [Change("create", name, "the cluster has none", enabled=desired.enabled is not False)]
    keep = next((item for item in mine if item.digest == desired.digest), None)
    others = tuple(item.id for item in mine if item is not keep)
    if keep is None:
        paused = not mine[-1].enabled
        enabled = desired.enabled if desired.enabled is not None else not paused
        return [Change("replace", name, "its cron, version or parameters are others", others, enabled)]
    planned = [Change("remove", name, "there is more than one of it", others)] if others else []
    if desired.enabled is not None and desired.enabled != keep.enabled:
        deed = "enable" if desired.enabled else "disable"
        planned.append(Change(deed, name, f"the file says enabled: {str(desired.enabled).lower()}", (keep.id,)))
    return planned
