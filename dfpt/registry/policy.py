"""Who may do what, as pure functions: the facts go in, an answer with its reason comes out.

Roles are checked by name and by account, and so is "his own": under either, a person is the same person.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dfpt.registry.policy_config import Freeze, Role, Rules, WeeklyFreeze

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Deed(enum.StrEnum):
    """What somebody may want to do."""

    VIEW = "view"
    REQUEST = "request"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    WITHDRAW_OTHERS = "withdraw another's request"
    ROLL_BACK = "roll back"
    SHADOW = "compare a candidate with the model in production"
    PASS_OVER = "pass over the rules in an emergency"
    MAINTAIN = "expire, reconcile and approve automatically"
    MANAGE = "add and close accounts"


PERMITTED: dict[Deed, frozenset[Role]] = {
    Deed.VIEW: frozenset(Role),
    Deed.REQUEST: frozenset({Role.REQUESTER, Role.ADMIN}),
    Deed.APPROVE: frozenset({Role.APPROVER}),
    Deed.REJECT: frozenset({Role.APPROVER}),
    Deed.WITHDRAW: frozenset({Role.REQUESTER, Role.ADMIN}),
    Deed.WITHDRAW_OTHERS: frozenset({Role.ADMIN}),
    Deed.ROLL_BACK: frozenset({Role.APPROVER, Role.ADMIN}),  # a way back must not wait for one person
    Deed.SHADOW: frozenset({Role.REQUESTER, Role.APPROVER, Role.ADMIN}),
    Deed.PASS_OVER: frozenset({Role.ADMIN}),
    Deed.MAINTAIN: frozenset({Role.ADMIN}),
    Deed.MANAGE: frozenset({Role.ADMIN}),
}


def permits(roles: frozenset[Role], deed: Deed) -> bool:
    return bool(roles & PERMITTED[deed])


@dataclass(frozen=True)
class Ruling:
    """The answer to an approval.

    Attributes:
        refusal: why not, one sentence; None where it is allowed.
        remedy: what to do about a refusal.
        complete: with this approval there are enough.
        own: the approver requested or trained it himself.
        emergency: rules were passed over.
    """

    refusal: str | None = None
    remedy: str = ""
    complete: bool = False
    own: bool = False
    emergency: bool = False

    @property
    def allowed(self) -> bool:
        return self.refusal is None


def approval(
    rules: Rules, roles: frozenset[Role], *, own: bool, approvals: int, now: datetime, emergency: bool
) -> Ruling:
    """May this person approve now, and is it enough?

    Args:
        own: whether he requested or trained the candidate.
        approvals: how many others have approved already.
        now: with a time zone.
        emergency: whether he asks to pass over four eyes, quorum and freeze windows.
    """
    if emergency:
        if not rules.emergency:
            return Ruling("The policy knows no emergency for this model.", "Approve in the ordinary way.")
        if not permits(roles, Deed.PASS_OVER):
            return Ruling("Only an admin may pass over the rules.", "Ask an admin.")
        return Ruling(complete=True, own=own, emergency=True)
    if not permits(roles, Deed.APPROVE):
        return Ruling("Only an approver may approve.", "Ask an approver.")
    if own and rules.four_eyes:
        return Ruling("Nobody approves what he or she requested or trained.", "Ask another approver.")
    window = frozen(rules, now)
    if window is not None:
        return Ruling(f"Nothing is promoted during {window}.", "Wait for its end; an admin may pass over it.")
    return Ruling(complete=approvals + 1 >= rules.quorum, own=own)


def frozen(rules: Rules, now: datetime) -> str | None:
    """The name of a freeze window that ``now`` lies in."""
    for name, window in rules.freeze.items():
        if _within(window, now):
            return name
    for name, weekly in rules.weekly_freeze.items():
        if _within_week(weekly, now):
            return name
    return None


def _within(window: Freeze, now: datetime) -> bool:
    zone = ZoneInfo(window.time_zone)
    starts, ends = (moment.replace(tzinfo=zone).astimezone(UTC) for moment in (window.starts, window.ends))
    return starts <= now < ends


def _within_week(window: WeeklyFreeze, now: datetime) -> bool:
    local = now.astimezone(ZoneInfo(window.time_zone))
    today, yesterday, clock = DAYS[local.weekday()], DAYS[local.weekday() - 1], local.time()
    if window.starts < window.ends:
        return today in window.days and window.starts <= clock < window.ends
    return (today in window.days and clock >= window.starts) or (yesterday in window.days and clock < window.ends)


def expires_at(rules: Rules, requested_at: datetime) -> datetime | None:
    """When a request that nobody decides about ends; None: never."""
    return None if rules.expires_after_days is None else requested_at + timedelta(days=rules.expires_after_days)


def withdrawal(roles: frozenset[Role], own: bool) -> Ruling:
    """May this person take a request back?"""
    if permits(roles, Deed.WITHDRAW if own else Deed.WITHDRAW_OTHERS):
        return Ruling(complete=True, own=own)
    if own:
        return Ruling("Only a requester may withdraw a request.", "Ask an admin.")
    return Ruling("Only who asked for it, or an admin, may withdraw a request.", "Reject it, or ask an admin.")


# Checks of the gate whose figure is no share of images, so that no distance in points can be told.
NOT_RATES = frozenset(
    {"parameters", "latency", "device_parameters", "device_latency", "device_size"}
    | {"not_worse_than_champion", "not_worse_than_teacher"}
)


def margin(gate: Mapping[str, Any]) -> float | None:
    """By how much every rate that the gate asked for was surpassed: the smallest such distance.

    None where there is no such figure: the gate did not pass, or a check has no number to compare, as that against a
    champion where there is none.

    Args:
        gate: ``gate.json``.
    """
    checks: Sequence[Mapping[str, Any]] = gate.get("checks") or ()
    if gate.get("outcome") != "pass" or not all(check.get("passed") is True for check in checks):
        return None
    distances = []
    for check in checks:
        asked, found = check.get("asked"), check.get("found")
        if check.get("name") == "report":
            continue
        if not isinstance(asked, int | float) or not isinstance(found, int | float):
            return None
        if check.get("name") in NOT_RATES:
            continue
        distances.append(abs(found - asked))  # passed, so the found one is on the good side
    smallest = min(distances, default=None)
    return smallest if smallest is not None and 0 <= smallest <= 2 else None  # NaN is no margin


def automatic(rules: Rules, gate: Mapping[str, Any]) -> bool:
    """Whether the policy approves by itself what the gate says so of."""
    found, asked = margin(gate), rules.automatic_margin
    return asked is not None and found is not None and found > asked
