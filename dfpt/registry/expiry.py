"""Expiry: a request that nobody decided about in time is closed. The pipeline may ask again."""

from __future__ import annotations

from datetime import UTC, datetime

from dfpt.registry import policy, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request, State
from dfpt.registry.handle import Registry

POLICY = Actor("policy", "")  # nobody in particular


def expire_if_due(registry: Registry, request: Request, actor: Actor = POLICY) -> Request:
    """The request; expired, where it is pending and its time is over."""
    if not is_due(registry, request):
        return request
    reason = f"nobody decided within {registry.policy.rules_for(request.name).expires_after_days} days"
    expired = requests.transition(registry.store, request, State.PENDING, State.EXPIRED, actor, reason)
    registry.mirror(expired)
    return expired


def is_due(registry: Registry, request: Request) -> bool:
    """Whether it is pending and its time is over."""
    end = policy.expires_at(registry.policy.rules_for(request.name), request.requested_at)
    return request.state == State.PENDING and end is not None and datetime.now(UTC) >= end


def expire_all(registry: Registry, actor: Actor = POLICY) -> list[Request]:
    """Expire what is due; returns those."""
    with registry.lock():
        pending = requests.of_model(registry.engine, state=State.PENDING)
        seen = [expire_if_due(registry, request, actor) for request in pending]
    return [request for request in seen if request.state == State.EXPIRED]
