"""The policy asked about a person: what all deeds have in common."""

from __future__ import annotations

from dfpt.errors import UsageError
from dfpt.registry import policy
from dfpt.registry.actor import Actor
from dfpt.registry.errors import PolicyRefused
from dfpt.registry.handle import Registry
from dfpt.registry.policy import Deed
from dfpt.registry.policy_config import Role


def roles(registry: Registry, actor: Actor) -> frozenset[Role]:
    return registry.policy.roles_of(actor.name, actor.account)


def require(registry: Registry, actor: Actor, deed: Deed) -> None:
    """Raise PolicyRefused unless one of the person's roles allows the deed."""
    if not policy.permits(roles(registry, actor), deed):
        needed = " or ".join(sorted(policy.PERMITTED[deed]))
        raise PolicyRefused(
            f"{actor.name} may not {deed}: that takes the role {needed}.", "approvals.yaml says who is."
        )


def require_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("A decision needs a reason.", "Say --reason 'what you looked at'.")
