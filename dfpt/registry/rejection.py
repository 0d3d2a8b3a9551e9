"""Rejection: a person says no."""

from __future__ import annotations

from datetime import UTC, datetime

from dfpt.registry import promotion, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request, State
from dfpt.registry.errors import WrongState
from dfpt.registry.handle import Registry


def reject(registry: Registry, name: str, version: int, actor: Actor, reason: str) -> Request:
    """Reject a candidate for good: the pipeline does not ask for these weights again.

    Raises:
        UsageError: no reason, no such request, or one that is closed.
    """
    promotion.require_reason(reason)
    with registry.lock():
        request = check(registry, name, version)
        rejected = requests.transition(
            registry.engine,
            request,
            State(request.state),
            State.REJECTED,
            actor,
            reason,
            decided_by=actor.name,
            decided_at=datetime.now(UTC),
            decision_reason=reason,
        )
        registry.mirror(rejected)
        return rejected


def check(registry: Registry, name: str, version: int) -> Request:
    """The request, if it can be rejected now: it is pending, or it was approved but could not be promoted.

    Raises:
        UsageError: no such request, or one that is closed.
    """
    request = promotion.find(registry, name, version)
    if request.state == State.APPROVED and promotion.begun(registry, request):
        raise WrongState(request.model, "approved and half promoted", "rejected", "Finish it: approve it again.")
    if request.state not in (State.PENDING, State.APPROVED):
        raise WrongState(request.model, request.state, "rejected")
    return request
