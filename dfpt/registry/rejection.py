"""Rejection: a person says no."""

from __future__ import annotations

from datetime import UTC, datetime

from dfpt.registry import deployment, permission, promotion, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request, State
from dfpt.registry.errors import WrongState
from dfpt.registry.handle import Registry
from dfpt.registry.policy import Deed


def reject(registry: Registry, name: str, version: int, actor: Actor, reason: str) -> Request:
    """Reject a candidate for good: the pipeline does not ask for these weights again.

    Raises:
        UsageError: no reason, no such request, or one that is closed.
        PolicyRefused: only an approver rejects.
    """
    permission.require_reason(reason)
    with registry.lock():
        request = check(registry, name, version, actor)
        rejected = requests.transition(
            registry.store,
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


def check(registry: Registry, name: str, version: int, actor: Actor) -> Request:
    """The request, if it can be rejected now: it is pending, or it was approved but could not be promoted.

    Raises as :func:`reject` does.
    """
    permission.require(registry, actor, Deed.REJECT)
    request = promotion.find(registry, name, version)
    if request.state == State.APPROVED and deployment.begun(registry, request):
        raise WrongState(request.model, "approved and half promoted", "rejected", "Finish it: approve it again.")
    if request.state not in (State.PENDING, State.APPROVED):
        raise WrongState(request.model, request.state, "rejected")
    return request
