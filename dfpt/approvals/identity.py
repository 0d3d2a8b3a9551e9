"""Who is asking: by a browser's session, or by a token."""

from __future__ import annotations

from dataclasses import dataclass

from dfpt.approvals import sessions, tokens
from dfpt.approvals.errors import ScopeRefused, Unauthenticated
from dfpt.approvals.settings import Settings
from dfpt.approvals.tables import Account
from dfpt.approvals.tokens import Scope
from dfpt.registry import policy
from dfpt.registry.actor import Actor
from dfpt.registry.handle import Registry
from dfpt.registry.policy import Deed
from dfpt.registry.policy_config import Role


@dataclass(frozen=True)
class Identity:
    """Somebody whom we know.

    Attributes:
        actor: for the registry; the name approvals.yaml knows, the account's subject, the address.
        roles: by approvals.yaml, now.
        csrf_token: what the forms of this session carry; empty for a token.
        scopes: what a token is for; all of them for a session.
        language: that the person chose; None: none.
    """

    actor: Actor
    roles: frozenset[Role]
    account_id: int
    csrf_token: str = ""
    scopes: frozenset[Scope] = frozenset(Scope)
    language: str | None = None

    @property
    def by_token(self) -> bool:
        return not self.csrf_token

    def may(self, deed: Deed) -> bool:
        """Whether a role allows the deed; the registry asks again, and knows more."""
        return policy.permits(self.roles, deed)

    def require_scope(self, *scopes: Scope) -> None:
        """Raises ScopeRefused: the token is for none of this."""
        if self.scopes.isdisjoint(scopes):
            raise ScopeRefused(
                f"This token is not for {' or '.join(scopes)}.", "Make one that is: dfpt approvals token create."
            )


def of_session(registry: Registry, settings: Settings, secret: str, address: str) -> Identity | None:
    """By the session that a cookie names; None where it has ended."""
    account = sessions.find(registry.engine, settings, secret)
    if account is None:
        return None
    actor = _actor(account, address)
    return Identity(actor, _roles(registry, actor), account.id, sessions.form_token(secret), language=account.language)


def of_token(registry: Registry, secret: str, address: str) -> Identity:
    """By a token.

    Raises:
        Unauthenticated: it is none, is over, or was revoked.
    """
    found = tokens.find(registry.engine, secret)
    if found is None:
        raise Unauthenticated("This token is not valid.", "Make a new one: dfpt approvals token create.")
    account, token = found
    actor = _actor(account, address)
    return Identity(actor, _roles(registry, actor), account.id, scopes=tokens.scopes(token), language=account.language)


def _actor(account: Account, address: str) -> Actor:
    return Actor(account.name, account.subject, address)


def _roles(registry: Registry, actor: Actor) -> frozenset[Role]:
    return registry.policy.roles_of(actor.name, actor.account)
