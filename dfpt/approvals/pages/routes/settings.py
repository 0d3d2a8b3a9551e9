"""One's own account: language and API tokens."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from dfpt.approvals import accounts, tokens
from dfpt.approvals.api.schema import TEXT
from dfpt.approvals.dependencies import WRITE, RegistryHere
from dfpt.approvals.identity import Identity
from dfpt.approvals.pages.reader import Number, Reader
from dfpt.approvals.pages.shell import answer, go
from dfpt.approvals.tokens import Issued
from dfpt.registry.handle import Registry

router = APIRouter()


@router.get("/settings")
def show(request: Request, registry: RegistryHere, known: Reader) -> Response:
    return _page(request, registry, known, None)


@router.post("/settings/tokens", dependencies=WRITE)
def make_token(
    request: Request,
    registry: RegistryHere,
    known: Reader,
    label: Annotated[str, Form(max_length=200, pattern=TEXT)] = "",
    scopes: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies it
    days: Annotated[int, Form()] = 90,
) -> Response:
    """The page with the new token's secret on it, this once; so no redirect.

    Raises:
        UsageError: no label, no scope, no such time.
    """
    owner = accounts.by_name(registry.engine, known.actor.name)
    return _page(request, registry, known, tokens.create(registry.engine, owner, label, scopes, days))


@router.post("/settings/tokens/{number}/revoke", dependencies=WRITE)
def revoke(registry: RegistryHere, known: Reader, number: Number) -> RedirectResponse:
    """Raises NotFound: it is none of one's own."""
    tokens.revoke(registry.engine, number, known.account_id)
    return go("/settings?done=revoked")


def _page(request: Request, registry: Registry, known: Identity, issued: Issued | None) -> Response:
    return answer(
        request,
        known,
        registry,
        "settings.html",
        HTTPStatus.OK if issued is None else HTTPStatus.CREATED,
        tokens=[token for _, token in tokens.listed(registry.engine, known.account_id)],
        issued=issued,
    )
