"""What ``dfpt doctor`` says of one thing that it has looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        found: what is there, in words.
        fix: what to do where it is not ``ok``.
        essential: nothing works without it.
    """

    name: str
    ok: bool
    found: str
    fix: str = ""
    essential: bool = True
