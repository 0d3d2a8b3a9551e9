"""``approvals.yaml``: who may do what, and what an approval needs. Typed sections; an unknown key is an error."""

from __future__ import annotations

import enum
import os
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, NaiveDatetime, field_validator, model_validator

from dfpt import settings
from dfpt.errors import UsageError
from dfpt.registry.notifications.config import Notifications
from dfpt.settings import Positive, Section, Share

FILE = "approvals.yaml"
FILE_VARIABLE = "DFPT_APPROVALS"


class Role(enum.StrEnum):
    """What a person is. Each is its own: an admin who also decides has ``approver`` besides."""

    VIEWER = "viewer"
    REQUESTER = "requester"
    APPROVER = "approver"
    ADMIN = "admin"


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"unknown time zone {name!r}; write one like Asia/Tokyo") from error
    return name


def _quoted(value: Any) -> Any:
    if not isinstance(value, str | time):  # YAML reads 18:00 without quotes as 1080
        raise ValueError("write the time in quotes: '18:00'")
    return value


TimeZone = Annotated[str, BeforeValidator(_time_zone)]
TimeOfDay = Annotated[time, BeforeValidator(_quoted)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Freeze(Section):
    """A time in which nothing is promoted: from ``starts`` to ``ends`` on the clocks of ``time_zone``."""

    starts: NaiveDatetime
    ends: NaiveDatetime
    time_zone: TimeZone = "UTC"

    @model_validator(mode="after")
    def _lasts(self) -> Freeze:
        if self.ends <= self.starts:
            raise ValueError("ends before it starts")
        return self


class WeeklyFreeze(Section):
    """The same every week: on ``days``, from ``starts`` to ``ends``, which is on the next day unless it is later."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)]
    starts: TimeOfDay
    ends: TimeOfDay
    time_zone: TimeZone = "UTC"


Outcome = Literal["allow", "require_named_approval", "refuse"]


class LicenceRules(Section):
    """What a licence of data or teacher means for an approval, see :mod:`dfpt.licences`."""

    non_commercial: Outcome = "allow"
    unknown: Outcome = "allow"
    allowed: tuple[str, ...] = ()  # identifiers that are neither here, such as that of a contract


class Rules(Section):
    """What the approval of one model needs."""

    four_eyes: bool = False
    quorum: Positive = 1
    expires_after_days: Positive | None = 30
    emergency: bool = True  # an admin may pass over all of this, with a reason, marked for ever
    automatic_margin: Share | None = None  # what surpasses every rate of the gate by more needs no person; null: all do
    reconcile: Literal["flag", "revert"] = "flag"
    licences: LicenceRules = LicenceRules()
    freeze: dict[str, Freeze] = Field(default_factory=dict)
    weekly_freeze: dict[str, WeeklyFreeze] = Field(default_factory=dict)


class Policy(Rules):
    """approvals.yaml: the rules for every model, those that differ for one, and who has which roles."""

    people: dict[str, tuple[Role, ...]] = Field(default_factory=dict)
    others: tuple[Role, ...] = tuple(Role)  # of whoever is not named
    models: dict[str, Rules] = Field(default_factory=dict)
    notifications: Notifications = Notifications()

    @field_validator("people", mode="before")
    @classmethod
    def _names_are_text(cls, people: Any) -> Any:
        if isinstance(people, dict) and not all(isinstance(name, str) for name in people):
            raise ValueError("a name must be text; write it in quotes")
        return people

    def rules_for(self, name: str) -> Rules:
        """The rules of one model: its own where it has any, else everybody's."""
        common = {field: getattr(self, field) for field in Rules.model_fields}
        own = self.models.get(name)
        return Rules(**common | ({field: getattr(own, field) for field in own.model_fields_set} if own else {}))

    def roles_of(self, *names: str) -> frozenset[Role]:
        """The roles of whoever goes by the first of ``names`` that is listed."""
        return frozenset(next((self.people[name] for name in names if name in self.people), self.others))


def load(home: Path) -> Policy:
    """The policy of ``home``: the file that DFPT_APPROVALS names, else approvals.yaml there, else the packaged one.

    Raises:
        UsageError: no such file, an unknown key, a value of a wrong type; or nothing in it, since what a full disk or
            an empty ConfigMap leaves must not become the rules of one person alone.
    """
    named = os.environ.get(FILE_VARIABLE)
    path = Path(named) if named else home / FILE
    if not named and not path.is_file():
        path = Path(__file__).with_name(FILE)
    found = settings.read(path, f"Correct {FILE_VARIABLE}.")
    if not found:
        raise UsageError(f"{path} has no rules in it.", "Restore it, or remove it for the rules that dfpt comes with.")
    return settings.validated(Policy, found, str(path))
