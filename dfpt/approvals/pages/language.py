"""Which language a reader reads: his own setting, else the cookie of this browser, else what the browser asks for."""

from __future__ import annotations

from collections.abc import Iterator

from dfpt.approvals.pages.catalogue import LANGUAGES, SOURCE

COOKIE = "language"


def choose(setting: str | None, cookie: str | None, accept: str | None) -> str:
    """The first of the three that names a language we have; English where none does."""
    for wish in (setting, cookie, *_accepted(accept or "")):
        if wish in LANGUAGES:
            return wish
    return SOURCE


def _accepted(header: str) -> Iterator[str]:
    """The languages of an Accept-Language header (RFC 9110), the most wanted first, without their regions."""
    wishes = []
    for part in header.split(","):
        name, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if quality > 0:
            wishes.append((-quality, name.strip().partition("-")[0].lower()))
    return (name for _, name in sorted(wishes, key=lambda wish: wish[0]))
