"""Withdrawal: who asked takes the wish back, or an admin does."""

from __future__ import annotations

from dfpt.registry import permission, policy, promotion, requests
from dfpt.registry.actor import Actor
from dfpt.registry.database import Request, State
from dfpt.registry.errors import PolicyRefused, WrongState
from dfpt.registry.handle import Registry


def withdraw(registry: Registry, name: str, version: int, actor: Actor, reason: str) -> Request:
    """Take a pending request back; the version may be asked for again.

    Raises:
        UsageError: no reason, no such request, or one that is not pending.
        PolicyRefused: it is another's request, and this is no admin.
    """
    permission.require_reason(reason)
    with registry.lock():
        request = check(registry, name, version, actor)
        withdrawn = requests.transition(registry.store, request, State.PENDING, State.WITHDRAWN, actor, reason)
        registry.mirror(withdrawn)
        return withdrawn


def check(registry: Registry, name: str, version: int, actor: Actor) -> Request:
    """The request, if this person can withdraw it now; raises as :func:`withdraw` does."""
    request = promotion.find(registry, name, version)
    own = actor.is_one_of(request.requested_by, request.requested_account)
    ruling = policy.withdrawal(permission.roles(registry, actor), own)
    if ruling.refusal is not None:
        raise PolicyRefused(f"{request.model}: {ruling.refusal}", ruling.remedy)
    if request.state != State.PENDING:
        raise WrongState(request.model, request.state, "withdrawn")
    return request
