"""Browsers' sessions. They are kept here; the cookie holds a random secret and nothing else."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, update

from dfpt.approvals import secrets
from dfpt.approvals.database import writing
from dfpt.approvals.settings import Settings
from dfpt.approvals.tables import Account, SignIn
from dfpt.registry.store import looking

_NOTE_EVERY = timedelta(minutes=1)  # that it is in use: not a write for each request


def start(engine: Engine, settings: Settings, account: Account) -> str:
    """A new session; returns the cookie's secret. One that the browser brought along is never taken over."""
    secret, now = secrets.new(), datetime.now(UTC)
    with writing(engine) as session:
        session.execute(delete(SignIn).where(SignIn.created_at < now - timedelta(hours=settings.session_hours)))
        session.add(SignIn(hash=secrets.hashed(secret), account_id=account.id, created_at=now, seen_at=now))
    return secret


def find(engine: Engine, settings: Settings, secret: str) -> Account | None:
    """Whose session it is; None where it is none, has ended, or the account is closed."""
    now, hashed = datetime.now(UTC), secrets.hashed(secret)
    with looking(engine) as session:
        known = session.get(SignIn, hashed)
        account = None if known is None else session.get(Account, known.account_id)
    if known is None or account is None or account.disabled:
        return None
    idle, lived = now - known.seen_at, now - known.created_at
    if idle > timedelta(minutes=settings.session_idle_minutes) or lived > timedelta(hours=settings.session_hours):
        end(engine, secret)
        return None
    if idle > _NOTE_EVERY:
        with writing(engine) as session:
            session.execute(update(SignIn).where(SignIn.hash == hashed).values(seen_at=now))
    return account


def end(engine: Engine, secret: str) -> None:
    with writing(engine) as session:
        session.execute(delete(SignIn).where(SignIn.hash == secrets.hashed(secret)))


def form_token(secret: str) -> str:
    """What a form of this session carries: only our own pages can know it, and it gives the secret not away."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()
