"""To the identity provider and back. ``/oidc/login`` is a link: it changes nothing here but a short-lived cookie."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from dfpt.approvals import accounts, cookies, oidc
from dfpt.approvals.dependencies import ServiceHere, address
from dfpt.approvals.errors import SignInRefused
from dfpt.approvals.oidc import Provider
from dfpt.approvals.routes.login import come_in, inside
from dfpt.registry.errors import NotFound

router = APIRouter(include_in_schema=False)

CALLBACK = "/oidc/callback"


@router.get("/oidc/login")
async def to_provider(request: Request, service: ServiceHere, next: str = "/") -> Response:
    """Go to the provider."""
    service.logins.take(f"address {address(request)}")
    response, kept = await _provider(request).begin(request, service.settings.url + CALLBACK)
    secret = await run_in_threadpool(oidc.keep, service.registry.engine, {"session": kept, "next": inside(next)})
    cookies.put(response, service.settings, cookies.ATTEMPT, secret)
    return response


@router.get(CALLBACK)
async def from_provider(request: Request, service: ServiceHere) -> RedirectResponse:
    """Come back: check what the provider says, and start a session."""
    service.logins.take(f"address {address(request)}")
    secret = request.cookies.get(cookies.name(service.settings, cookies.ATTEMPT), "")
    engine = service.registry.engine
    kept = await run_in_threadpool(oidc.take, engine, secret)
    subject, name = await _provider(request).end(request, kept["session"])
    account = await run_in_threadpool(accounts.from_provider, engine, subject, name)
    if account.disabled:
        raise SignInRefused(f"The account {account.name} is closed.", "Ask an admin.")
    response = await run_in_threadpool(come_in, request, service, account, kept["next"])
    cookies.drop(response, service.settings, cookies.ATTEMPT)
    return response


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotFound("No identity provider is set up.", "Set DFPT_SERVICE_OIDC_ISSUER and _CLIENT_ID.")
    return provider
