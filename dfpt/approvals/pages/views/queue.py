"""What waits for a decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dfpt.approvals.pages.views import checks, evidence, verdict
from dfpt.approvals.pages.views.verdict import Verdict
from dfpt.evaluation import charts
from dfpt.evaluation.charts import Span
from dfpt.registry import history, policy, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request, State
from dfpt.registry.handle import Registry


@dataclass(frozen=True)
class Waiting:
    """One request.

    Attributes:
        under_way: it is approved, and its promotion is not finished.
        own: the reader asked for it, or trained it.
        production: the figure of what is in production, on the same images.
    """

    request: Request
    under_way: bool
    own: bool
    expires: datetime | None
    approvals: int
    quorum: int
    accuracy: Span | None
    production: float | None
    verdict: Verdict
    checks_passed: int
    checks: int
    source: str
    champion: int | None


@dataclass(frozen=True)
class Queue:
    """All that waits, the oldest first; pictures of one kind share their range."""

    waiting: tuple[Waiting, ...]
    reach: float
    low: float
    high: float


def of(registry: Registry, reader: Actor) -> Queue:
    open_ = [
        request
        for state in (State.PENDING, State.APPROVED)
        for request in requests.of_model(registry.engine, state=state)
    ]
    waiting = tuple(_waiting(registry, request, reader) for request in sorted(open_, key=lambda found: found.id))
    rates = [item.accuracy for item in waiting if item.accuracy is not None]
    rates += [Span(item.production) for item in waiting if item.production is not None]
    differences = [item.verdict.difference for item in waiting if item.verdict.difference is not None]
    return Queue(waiting, charts.reach(differences), *charts.scale(rates))


def decided(registry: Registry, most: int = 50) -> Sequence[Request]:
    """The requests that are closed, the newest first."""
    closed = [
        request
        for request in requests.of_model(registry.engine)
        if request.state not in (State.PENDING, State.APPROVED)
    ]
    return closed[: -most - 1 : -1]


def _waiting(registry: Registry, request: Request, reader: Actor) -> Waiting:
    found = evidence.of_request(registry, request, verify=False)
    rules = registry.policy.rules_for(request.name)
    judged = checks.of(found.gate)
    champion = history.current(registry.engine, request.name)
    accuracy, source = None, ""
    if found.report is not None:
        student = found.report["models"]["student"]
        accuracy = Span(student["accuracy"], student["accuracy_low"], student["accuracy_high"])
        source = str(found.report["source"])
    said = verdict.of(found)
    return Waiting(
        request=request,
        under_way=request.state == State.APPROVED,
        own=reader.is_one_of(request.requested_by, request.requested_account, request.trained_by),
        expires=policy.expires_at(rules, request.requested_at) if request.state == State.PENDING else None,
        approvals=len(requests.votes(registry.engine, request)),
        quorum=rules.quorum,
        accuracy=accuracy,
        production=None if accuracy is None or said.difference is None else accuracy.value - said.difference.value,
        verdict=said,
        checks_passed=sum(check.passed for check in judged),
        checks=len(judged),
        source=source,
        champion=None if champion is None else champion.production_version,
    )
