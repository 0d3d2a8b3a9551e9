"""The signature of a call, as GitHub makes it: HMAC-SHA256 of the body, ``X-Hub-Signature-256: sha256=<hex>``."""

from __future__ import annotations

import hashlib
import hmac

HEADER = "X-Hub-Signature-256"
_PREFIX = "sha256="


def sign(secret: str, body: bytes) -> str:
    """The header's value."""
    return _PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_right(secret: str, body: bytes, given: str | None) -> bool:
    """Whether ``given`` is the signature of ``body``; takes as long whichever letter is wrong. No secret, no right."""
    return bool(secret) and hmac.compare_digest(sign(secret, body).encode(), (given or "").encode())


def key(body: bytes) -> str:
    """What makes a call the same call: a replay has the same body, for another would need another signature."""
    return f"webhook:{hashlib.sha256(body).hexdigest()}"
