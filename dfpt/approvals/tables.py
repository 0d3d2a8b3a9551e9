"""The service's own tables, beside the registry's in the same database. Secrets are in here as hashes only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from dfpt.registry.times import Timed


class Base(Timed, DeclarativeBase):
    """Of these tables alone."""


class Account(Base):
    """A person or a machine that may come in.

    Attributes:
        name: by which approvals.yaml knows it; a provider's verified e-mail address.
        subject: ``local:`` and a random id, or the provider's issuer and subject; the registry's ``account``.
        password: argon2's hash; None where there is none yet, and for a provider's people.
        language: which the person chose for the pages.
    """

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    subject: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str | None]
    disabled: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str | None]
    created_at: Mapped[datetime]


class SignIn(Base):
    """A browser's session; what its cookie says, hashed, is the key."""

    __tablename__ = "sign_ins"

    hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Token(Base):
    """Of a program that acts for an account, with a part of what the account may do."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    label: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[str]  # words with a blank between them
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Link(Base):
    """A link that works once: to make the first account, or to choose the password of one."""

    __tablename__ = "links"

    hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)  # None: the first account
    expires_at: Mapped[datetime]


class Attempt(Base):
    """A sign-in at the provider that is under way: state, nonce and PKCE's verifier, which the browser never sees."""

    __tablename__ = "attempts"

    hash: Mapped[str] = mapped_column(primary_key=True)
    data: Mapped[str]  # JSON
    expires_at: Mapped[datetime]
