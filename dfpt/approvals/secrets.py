"""Secrets: random ones, which a hash is enough for, and passwords, which need argon2."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dfpt.errors import UsageError

SHORTEST = 12
_LONGEST = 1024  # hashing more is work for nothing


def new() -> str:
    """256 random bits, fit for a URL and a cookie."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """Of a random secret: nobody guesses one, so nothing slower is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_password(password: str) -> str:
    """Raises UsageError: too short, or too long."""
    if not SHORTEST <= len(password) <= _LONGEST:
        raise UsageError(
            f"A password has {SHORTEST} to {_LONGEST} characters.", "Take a sentence that nobody else would think of."
        )
    return _hasher().hash(password)


def is_password(password: str, stored: str | None) -> bool:
    """Whether it is the right one. Without one stored it takes as long, or the time would tell which names exist."""
    try:
        right = _hasher().verify(stored or _dummy(), password[:_LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return right and stored is not None


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _dummy() -> str:
    return _hasher().hash(new())
