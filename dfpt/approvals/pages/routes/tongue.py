"""The language of the pages: kept with the account, and in the browser for where nobody is signed in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse

from dfpt.approvals import accounts
from dfpt.approvals.dependencies import ServiceHere, Whoever, csrf
from dfpt.approvals.pages.catalogue import LANGUAGES
from dfpt.approvals.pages.language import COOKIE
from dfpt.approvals.pages.shell import go
from dfpt.approvals.routes.login import inside

router = APIRouter(dependencies=[Depends(csrf)])
_YEAR = 365 * 24 * 3600


@router.post("/language")
def speak(
    service: ServiceHere, known: Whoever, language: Annotated[str, Form()], next: Annotated[str, Form()] = "/"
) -> RedirectResponse:
    """Any other language is left as it is: this is a courtesy, no decision."""
    response = go(inside(next))
    if language in LANGUAGES:
        if known is not None:
            accounts.set_language(service.registry.engine, known.account_id, language)
        response.set_cookie(
            COOKIE, language, max_age=_YEAR, secure=service.settings.https, httponly=True, samesite="lax"
        )
    return response
