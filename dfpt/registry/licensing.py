"""May a model made with this data and from this teacher be promoted, as far as their licences go?

The licences are those of the evidence, which the request's hash covers; MLflow's tags only show them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dfpt.licences import UNKNOWN, Kind, kind
from dfpt.registry import artifacts, deployment
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request
from dfpt.registry.handle import Registry
from dfpt.registry.policy import Ruling
from dfpt.registry.policy_config import LicenceRules, Outcome

REPORT = "report.json"
ALLOW: Outcome = "allow"
NAMED: Outcome = "require_named_approval"
REFUSE: Outcome = "refuse"


@dataclass(frozen=True)
class Licences:
    """SPDX, or ``unknown``."""

    data: str = UNKNOWN
    teacher: str = UNKNOWN

    def to_json(self) -> dict[str, str]:
        return {"data": self.data, "teacher": self.teacher}


def demanded(rules: LicenceRules, licences: Licences) -> tuple[Outcome, list[str]]:
    """The strictest of what the policy asks for, and the licences that ask for it."""
    asked = {Kind.COMMERCIAL: ALLOW, Kind.NON_COMMERCIAL: rules.non_commercial, Kind.UNKNOWN: rules.unknown}
    outcomes = {licence: asked[kind(licence, rules.allowed)] for licence in (licences.data, licences.teacher)}
    for severe in (REFUSE, NAMED):
        if concerned := [licence for licence, outcome in outcomes.items() if outcome == severe]:
            return severe, concerned
    return ALLOW, []


def ruling(rules: LicenceRules, licences: Licences, *, listed: bool, reason: str | None) -> Ruling:
    """The policy's answer to an approval.

    Args:
        listed: whether the approver is one whom the policy names under ``people``.
        reason: of the approval; None where it is not known yet.
    """
    outcome, concerned = demanded(rules, licences)
    named = " and ".join(concerned)
    if outcome == REFUSE:
        return Ruling(
            f"The policy lets nothing into production that was made under the licence {named}.",
            "Train on data and from a teacher that you may use, or change licences: in approvals.yaml.",
        )
    if outcome == NAMED and not listed:
        return Ruling(
            f"The licence {named} takes an approval by a person whom the policy names.",
            "Ask an approver who is listed under people: in approvals.yaml.",
        )
    if outcome == NAMED and reason is not None and not all(licence in reason for licence in concerned):
        return Ruling(
            f"The licence {named} takes an approval whose reason names it.",
            f"Write into the reason why it may be used under {named}.",
        )
    return Ruling(complete=True)


def of(registry: Registry, request: Request) -> Licences:
    """The licences that the evidence of a candidate states; unknown where it states none."""
    with deployment.candidate_files(registry, request) as folder:
        return read(folder)


def read(folder: Path) -> Licences:
    """The same, of a version's folder."""
    try:
        report = json.loads((folder / artifacts.EVIDENCE / REPORT).read_text(encoding="utf-8"))
        stated = [report.get(f"{what}_licence") for what in ("data", "teacher")]
    except (OSError, ValueError, AttributeError):
        return Licences()
    return Licences(*(licence if isinstance(licence, str) and licence else UNKNOWN for licence in stated))


def rule(registry: Registry, request: Request, actor: Actor) -> Ruling:
    """The answer to this person's approval, its reason not known yet; where the policy allows all, nothing is read."""
    rules = registry.policy.rules_for(request.name).licences
    if rules.non_commercial == rules.unknown == ALLOW:
        return Ruling(complete=True)
    return rule_on(registry, request, actor, of(registry, request), None)


def rule_on(registry: Registry, request: Request, actor: Actor, licences: Licences, reason: str | None) -> Ruling:
    """The same, of licences that are known."""
    people = registry.policy.people
    listed = actor.name in people or actor.account in people
    rules = registry.policy.rules_for(request.name).licences
    return ruling(rules, licences, listed=listed, reason=reason)
