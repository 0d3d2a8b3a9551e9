"""How the receiver of a webhook knows that it comes from here, and now.

``X-DFPT-Signature: v1=<hex>`` is the HMAC-SHA256, under the shared secret, of ``<X-DFPT-Timestamp>.<body>``. A receiver
computes it from the raw body, compares in constant time, refuses a timestamp more than five minutes away from its own
clock, and drops an ``X-DFPT-Delivery`` that it has seen within that time.
"""

from __future__ import annotations

import hashlib
import hmac

TIMESTAMP, SIGNATURE = "X-DFPT-Timestamp", "X-DFPT-Signature"
WINDOW_SECONDS = 300


def headers(secret: str, body: bytes, now: float) -> dict[str, str]:
    """What is sent beside the body. ``now``: seconds since the epoch."""
    timestamp = str(int(now))
    return {TIMESTAMP: timestamp, SIGNATURE: f"v1={_digest(secret, timestamp, body)}"}


def verify(secret: str, body: bytes, timestamp: str, signature: str, now: float) -> bool:
    """Whether a request is ours and of now; for receivers written in Python, and as the reference for others."""
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > WINDOW_SECONDS:
        return False
    expected = f"v1={_digest(secret, timestamp, body)}"
    return hmac.compare_digest(expected.encode(), signature.encode())


def _digest(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
