"""One request: what it asks for, the evidence, what the reader may do about it, and what happened to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dfpt.approvals.pages.views import checks, comparison, differences, evidence, mlflow, shadow, verdict
from dfpt.approvals.pages.views.checks import Check
from dfpt.approvals.pages.views.comparison import Comparison
from dfpt.approvals.pages.views.differences import Differences
from dfpt.approvals.pages.views.evidence import Evidence
from dfpt.approvals.pages.views.shadow import Shadow
from dfpt.approvals.pages.views.verdict import Verdict
from dfpt.registry import history, permission, policy, promotion, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import Record, Request, State, Vote
from dfpt.registry.errors import NotFound, WrongState
from dfpt.registry.handle import Registry
from dfpt.registry.history import Deployment
from dfpt.registry.policy import Deed, Ruling
from dfpt.registry.store import reading


@dataclass(frozen=True)
class Choices:
    """What the reader may do now.

    Attributes:
        approval: the policy's answer, with its reason where it is no.
        voted: the reader has approved already, and others are missing.
        emergency: an admin may pass over what stands in the way.
    """

    approval: Ruling
    voted: bool
    reject: bool
    withdraw: bool
    emergency: bool

    @property
    def approve(self) -> bool:
        return self.approval.allowed and not self.voted

    @property
    def anything(self) -> bool:
        return self.approve or self.reject or self.withdraw or self.emergency


@dataclass(frozen=True)
class Page:
    request: Request
    evidence: Evidence
    verdict: Verdict
    comparison: Comparison | None
    champion: Deployment | None
    checks: Sequence[Check]
    differences: Differences
    shadows: Sequence[Shadow]
    lineage: Mapping[str, str]
    allowed_licences: Collection[str]
    links: Mapping[str, str]
    log: Sequence[Record]
    votes: Sequence[Vote]
    quorum: int
    expires: datetime | None
    choices: Choices
    newer: Request | None

    @property
    def open(self) -> bool:
        return self.request.state in (State.PENDING, State.APPROVED)


def by_id(registry: Registry, number: int) -> Request:
    """Raises NotFound."""
    with reading(registry.engine) as session:
        found = session.get(Request, number)
    if found is None:
        raise NotFound(f"There is no request {number}.", "")
    return found


def of(registry: Registry, number: int, reader: Actor, ui: str) -> Page:
    """The page of a request.

    Args:
        ui: where people open MLflow's pages; empty where they do not.

    Raises:
        NotFound: there is none.
    """
    request = by_id(registry, number)
    rules = registry.policy.rules_for(request.name)
    found = evidence.of_request(registry, request)
    champion = history.current(registry.engine, request.name)
    tags, links = mlflow.of_candidate(registry, request, ui)
    newest = requests.latest(registry.engine, request.name, request.version)
    return Page(
        request=request,
        evidence=found,
        verdict=verdict.of(found),
        comparison=comparison.of(found, _evidence_of(registry, champion, request)),
        champion=champion,
        checks=checks.of(found.gate),
        differences=differences.of(registry, request, found),
        shadows=shadow.of(registry, request),
        lineage=lineage(request, found.report, tags),
        allowed_licences=rules.licences.allowed,
        links=links,
        log=requests.log(registry.engine, request.name, request.version),
        votes=requests.votes(registry.engine, request),
        quorum=rules.quorum,
        expires=policy.expires_at(rules, request.requested_at) if request.state == State.PENDING else None,
        choices=choices(registry, request, reader),
        newer=newest if newest is not None and newest.id != request.id else None,
    )


def choices(registry: Registry, request: Request, reader: Actor) -> Choices:
    """Asked of the same rules that decide when the form is sent."""
    roles = permission.roles(registry, reader)
    pending = request.state == State.PENDING
    ruling = promotion.rule(registry, request, reader)
    passing_over = promotion.rule(registry, request, reader, emergency=True)
    voted = any(reader.is_one_of(vote.person, vote.account) for vote in requests.votes(registry.engine, request))
    own = reader.is_one_of(request.requested_by, request.requested_account)
    return Choices(
        approval=ruling if request.state in (State.PENDING, State.APPROVED) else Ruling(""),
        voted=voted and pending,
        reject=policy.permits(roles, Deed.REJECT) and request.state in (State.PENDING, State.APPROVED),
        withdraw=pending and policy.withdrawal(roles, own).allowed,
        emergency=pending and passing_over.allowed and not (ruling.allowed and ruling.complete and not voted),
    )


def lineage(request: Request, report: Mapping[str, Any] | None, tags: Mapping[str, str]) -> dict[str, str]:
    """Where the candidate comes from, by the name of each thing; what is not known is left out."""
    report = report or {}
    found = {
        "source": report.get("source") or tags.get("dfpt.source"),
        "trained_by": request.trained_by,
        "data_hash": report.get("data_hash") or tags.get("dfpt.data_hash"),
        "git_revision": tags.get("dfpt.git_revision"),
        "code_revision": tags.get("dfpt.code_revision"),
        "run_id": tags.get("dfpt.run_id"),
        "data_licence": report.get("data_licence") or tags.get("dfpt.data_licence"),
        "teacher_licence": report.get("teacher_licence") or tags.get("dfpt.teacher_licence"),
        "weights_sha256": request.weights_sha256,
        "artifact_sha256": request.artifact_sha256,
    }
    return {name: str(value) for name, value in found.items() if value}


def _evidence_of(registry: Registry, champion: Deployment | None, request: Request) -> Evidence | None:
    """What came with the model in production, unless that is the very request that is shown."""
    if champion is None or champion.request == request.id:
        return None
    try:
        return evidence.of_request(registry, by_id(registry, champion.request))
    except NotFound:
        return None


def decidable(registry: Registry, number: int) -> Request:
    """The request that a form was about.

    Raises:
        NotFound: there is no such request.
        WrongState: the version has been asked for again since: who decides has not seen that request.
    """
    request = by_id(registry, number)
    newest = promotion.find(registry, request.name, request.version)
    if newest.id != request.id:
        raise WrongState(request.model, request.state, "decided", "It has been asked for again: look at that request.")
    return request
