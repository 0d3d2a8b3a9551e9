"""API tokens: what a program acts with. Each can do a part of what its account may, until a day."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select, update

from dfpt.approvals import secrets
from dfpt.approvals.database import writing
from dfpt.approvals.tables import Account, Token
from dfpt.errors import UsageError
from dfpt.registry.errors import NotFound
from dfpt.registry.store import looking

PREFIX = "dfpt_"  # so that scanners for leaked secrets find one
LONGEST_DAYS = 366


class Scope(enum.StrEnum):
    """What a token is for."""

    READ = "read"
    REQUEST = "request"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    ROLL_BACK = "rollback"
    MAINTAIN = "maintain"


@dataclass(frozen=True)
class Issued:
    """A new token, and its secret, which is shown this once."""

    token: Token
    secret: str


def create(engine: Engine, account: Account, label: str, scopes: Iterable[str], days: int) -> Issued:
    """Raises UsageError: no such scope, none at all, no label, or no such time."""
    wanted = sorted({_scope(word) for word in scopes})
    if not wanted:
        raise UsageError("A token needs a scope.", f"There are {', '.join(Scope)}.")
    if not 1 <= days <= LONGEST_DAYS:
        raise UsageError(f"A token lasts 1 to {LONGEST_DAYS} days, not {days}.", "Make a new one before it ends.")
    if not label.strip() or len(label) > 100:
        raise UsageError("A token needs a label of at most 100 characters.", "Say where it is used.")
    secret, now = PREFIX + secrets.new(), datetime.now(UTC)
    token = Token(
        account_id=account.id,
        label=label.strip(),
        hash=secrets.hashed(secret),
        scopes=" ".join(wanted),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    with writing(engine) as session:
        session.add(token)
    return Issued(token, secret)


def find(engine: Engine, secret: str) -> tuple[Account, Token] | None:
    """Whose token it is; None where it is none, is over, was revoked, or the account is closed."""
    query = select(Account, Token).join(Token).where(Token.hash == secrets.hashed(secret))
    with looking(engine) as session:
        found = session.execute(query).one_or_none()
    if found is None:
        return None
    account, token = found
    if account.disabled or token.revoked_at is not None or token.expires_at <= datetime.now(UTC):
        return None
    return account, token


def scopes(token: Token) -> frozenset[Scope]:
    return frozenset(Scope(word) for word in token.scopes.split())


def listed(engine: Engine, account_id: int | None = None) -> Sequence[tuple[Account, Token]]:
    """All that there were, or those of one account, the newest first."""
    query = select(Account, Token).join(Token).order_by(Token.id.desc())
    if account_id is not None:
        query = query.where(Account.id == account_id)
    with looking(engine) as session:
        return [(owner, token) for owner, token in session.execute(query)]


def revoke(engine: Engine, token_id: int, account_id: int | None = None) -> None:
    """At once, and for good.

    Args:
        account_id: whose it must be; None: anybody's.

    Raises:
        NotFound: there is none of that number, or it is another's.
    """
    query = update(Token).where(Token.id == token_id)
    if account_id is not None:
        query = query.where(Token.account_id == account_id)
    with writing(engine) as session:
        if not session.execute(query.values(revoked_at=datetime.now(UTC)).returning(Token.id)).all():
            raise NotFound(f"There is no token {token_id}.", "dfpt approvals token list shows them.")


def _scope(word: str) -> Scope:
    try:
        return Scope(word)
    except ValueError as error:
        raise UsageError(f"There is no scope {word!r}.", f"There are {', '.join(Scope)}.") from error
