"""One-time links: the first account's, and those by which somebody chooses a password."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import IntegrityError

from dfpt.approvals import accounts, secrets
from dfpt.approvals.database import writing
from dfpt.approvals.errors import LinkSpent
from dfpt.approvals.settings import Settings
from dfpt.approvals.tables import Account, Link
from dfpt.errors import UsageError
from dfpt.registry.store import looking


def first(engine: Engine, settings: Settings) -> str | None:
    """A link to make the first account, in place of earlier ones; None where there is an account."""
    with writing(engine) as session:
        if session.scalars(select(Account.id).limit(1)).first() is not None:
            return None
        session.execute(delete(Link).where(Link.account_id.is_(None)))
    return _new(engine, settings, None)


def of_account(engine: Engine, settings: Settings, account: Account) -> str:
    """A link by which a person chooses the password of an account, in place of earlier ones.

    Raises:
        UsageError: the account has no password of ours.
    """
    if not account.subject.startswith(accounts.LOCAL):
        raise UsageError(f"{account.name} signs in with the provider.", "A password is chosen, or changed, there.")
    with writing(engine) as session:
        session.execute(delete(Link).where(Link.account_id == account.id))
    return _new(engine, settings, account.id)


def peek(engine: Engine, secret: str) -> str | None:
    """The account's name that a link is for; None where it is for the first account, whose name is chosen.

    Raises:
        LinkSpent: it does not work.
    """
    with looking(engine) as session:
        link = session.get(Link, secrets.hashed(secret))
        if link is None or link.expires_at < datetime.now(UTC):
            raise _spent()
        return None if link.account_id is None else session.get_one(Account, link.account_id).name


def use(engine: Engine, secret: str, name: str, password: str) -> Account:
    """Make the first account, or set the password of the one that the link is for; the link works no more.

    Args:
        name: of the first account; without meaning where the link is for a known one.

    Raises:
        LinkSpent: it does not work.
        UsageError: no name, no password; the link stays good.
    """
    hashed = secrets.hash_password(password)  # slow, so before the transaction
    try:
        with writing(engine) as session:
            taken = delete(Link).where(Link.hash == secrets.hashed(secret)).returning(Link.account_id, Link.expires_at)
            link = session.execute(taken).one_or_none()
            if link is None or link.expires_at < datetime.now(UTC):
                raise _spent()
            if link.account_id is not None:
                accounts.set_password(session, link.account_id, hashed)
                return session.get_one(Account, link.account_id)
            if session.scalars(select(Account.id).limit(1)).first() is not None:
                raise _spent()
            accounts.require_name(name)
            return accounts.insert(session, name, accounts.local_subject(), hashed)
    except IntegrityError as error:  # two at once
        raise _spent() from error


def _new(engine: Engine, settings: Settings, account_id: int | None) -> str:
    secret = secrets.new()
    expires_at = datetime.now(UTC) + timedelta(hours=settings.link_hours)
    with writing(engine) as session:
        session.add(Link(hash=secrets.hashed(secret), account_id=account_id, expires_at=expires_at))
    return f"{settings.url}/setup/{secret}"


def _spent() -> UsageError:
    return LinkSpent(
        "This link works no more.", "Ask an admin for a new one; for the first account start the service again."
    )
