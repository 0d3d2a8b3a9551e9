"""Accounts: who may come in. What they may do then stands in approvals.yaml, by their names."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dfpt.approvals import secrets
from dfpt.approvals.database import writing
from dfpt.approvals.tables import Account, SignIn
from dfpt.errors import UsageError
from dfpt.registry.errors import NotFound
from dfpt.registry.store import looking

LANGUAGES = ("en", "ja")
LOCAL = "local:"  # begins the subject of an account that has a password here
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")


def add(engine: Engine, name: str, password: str | None = None) -> Account:
    """A new local account.

    Raises:
        UsageError: the name is taken or no name, the password no password.
    """
    require_name(name)
    hashed = None if password is None else secrets.hash_password(password)
    return _insert(engine, name, local_subject(), hashed)


def local_subject() -> str:
    """Of a new local account."""
    return f"{LOCAL}{uuid.uuid4()}"


def from_provider(engine: Engine, subject: str, name: str) -> Account:
    """The account of a provider's person: made at the first sign-in; the name follows the provider's.

    Raises:
        UsageError: another account has the name.
    """
    with looking(engine) as session:
        known = session.scalars(select(Account).where(Account.subject == subject)).one_or_none()
    if known is None:
        return _insert(engine, name, subject, None)
    if known.name == name:
        return known
    try:
        with writing(engine) as session:
            session.execute(update(Account).where(Account.id == known.id).values(name=name))
            return session.get_one(Account, known.id, populate_existing=True)
    except IntegrityError as error:
        raise _taken(name) from error


def authenticate(engine: Engine, name: str, password: str) -> Account | None:
    """The account, if the password is its own and it is not disabled."""
    with looking(engine) as session:
        found = session.scalars(select(Account).where(Account.name == name)).one_or_none()
    right = secrets.is_password(password, None if found is None else found.password)
    return found if right and found is not None and not found.disabled else None


def by_name(engine: Engine, name: str) -> Account:
    """Raises NotFound."""
    with looking(engine) as session:
        found = session.scalars(select(Account).where(Account.name == name)).one_or_none()
    if found is None:
        raise NotFound(f"There is no account {name!r}.", "dfpt approvals user list shows them.")
    return found


def listed(engine: Engine) -> Sequence[Account]:
    with looking(engine) as session:
        return session.scalars(select(Account).order_by(Account.name)).all()


def disable(engine: Engine, name: str, disabled: bool = True) -> Account:
    """Close an account: it cannot come in, its sessions end, its tokens are refused; or open it again."""
    found = by_name(engine, name)
    with writing(engine) as session:
        session.execute(update(Account).where(Account.id == found.id).values(disabled=disabled))
        _end_sessions(session, found.id)
        return session.get_one(Account, found.id, populate_existing=True)


def set_password(session: Session, account_id: int, hashed: str) -> None:
    """And end its sessions: whoever had the old one is out."""
    session.execute(update(Account).where(Account.id == account_id).values(password=hashed))
    _end_sessions(session, account_id)


def set_language(engine: Engine, account_id: int, language: str | None) -> None:
    """Raises UsageError: not one of ours."""
    if language is not None and language not in LANGUAGES:
        raise UsageError(f"The pages are not there in {language!r}.", f"They are in {', '.join(LANGUAGES)}.")
    with writing(engine) as session:
        session.execute(update(Account).where(Account.id == account_id).values(language=language))


def require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:100]!r} is no name for an account.", "Letters, digits and . _ @ + -; at most 100 characters."
        )


def insert(session: Session, name: str, subject: str, password: str | None) -> Account:
    account = Account(name=name, subject=subject, password=password, created_at=datetime.now(UTC))
    session.add(account)
    session.flush()
    return account


def _insert(engine: Engine, name: str, subject: str, password: str | None) -> Account:
    try:
        with writing(engine) as session:
            return insert(session, name, subject, password)
    except IntegrityError as error:
        raise _taken(name) from error


def _end_sessions(session: Session, account_id: int) -> None:
    session.execute(delete(SignIn).where(SignIn.account_id == account_id))


def _taken(name: str) -> UsageError:
    return UsageError(f"There is an account {name!r} already.", "Choose another name.")
