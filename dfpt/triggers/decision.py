"""Whether what a trigger has seen is to become a request: pure, so that every case can be listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

WEEK = timedelta(days=7)


class Outcome(StrEnum):
    """Of a sighting. Only the first becomes a request."""

    FILED = "filed"
    BASELINE = "baseline"  # what was there when the trigger looked for the first time
    DUPLICATE = "duplicate"  # the same thing was asked for before
    COOL_DOWN = "cool-down"  # too soon after the trigger's last request
    BUDGET = "budget"  # too many requests in seven days


@dataclass(frozen=True)
class Sighting:
    """What a trigger has seen.

    Attributes:
        key: the same for the same thing: a data version, a champion and its age, a run, the bytes of a call.
        reason: for people; stays in the log.
    """

    key: str
    reason: str


@dataclass(frozen=True)
class Limits:
    """Of one trigger, and of all together."""

    cooldown: timedelta
    per_week: int
    per_week_of_all: int


@dataclass(frozen=True)
class Filed:
    """A request from before.

    Attributes:
        broke_off: its run ended with 1 (another was at work, a disk was full, a server was away): the same may be asked
            for again, after a week, so that each of its requests is outside of the other's budget.
    """

    trigger: str
    key: str
    at: datetime
    broke_off: bool = False


def decide(trigger: str, key: str, limits: Limits, before: Sequence[Filed], now: datetime) -> Outcome:
    """What becomes of a sighting.

    Args:
        before: every request that was ever filed, or at least those with this key and those of the last week and of
            the cool-down.
    """
    own = [filed for filed in before if filed.trigger == trigger]
    if any(filed.key == key and not (filed.broke_off and now - filed.at >= WEEK) for filed in own):
        return Outcome.DUPLICATE
    if any(now - filed.at < limits.cooldown for filed in own):
        return Outcome.COOL_DOWN
    week = [filed for filed in before if now - filed.at < WEEK]
    if len(week) >= limits.per_week_of_all or sum(filed.trigger == trigger for filed in week) >= limits.per_week:
        return Outcome.BUDGET
    return Outcome.FILED
