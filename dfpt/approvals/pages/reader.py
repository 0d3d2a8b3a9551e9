"""Who reads a page: a person with a session. A token would get round its scopes here."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Form, Path

from dfpt.approvals.api.schema import LARGEST, TEXT
from dfpt.approvals.dependencies import Somebody
from dfpt.approvals.errors import ScopeRefused
from dfpt.approvals.identity import Identity


async def in_person(known: Somebody) -> Identity:
    """Raises ScopeRefused: a token is asking."""
    if known.by_token:
        raise ScopeRefused("The pages are for people.", "Use /api/v1 with a token.")
    return known


Reader = Annotated[Identity, Depends(in_person)]
Number = Annotated[int, Path(ge=1, le=LARGEST)]
Reason = Annotated[str, Form(max_length=4000, pattern=TEXT)]
