"""What routes ask for: the service, who is asking, and that a write comes from where it says.

What waits for nothing is ``async`` and runs in the event loop: each plain function here would be one more trip to a
thread and back, for every request, and while a decision is computing such a trip takes milliseconds.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from dfpt.approvals import cookies, identity, sessions
from dfpt.approvals.errors import CrossSite, Unauthenticated
from dfpt.approvals.identity import Identity
from dfpt.approvals.service import Service
from dfpt.approvals.tokens import Scope
from dfpt.registry import permission
from dfpt.registry.handle import Registry
from dfpt.registry.policy import Deed

CSRF_FIELD = "csrf_token"
CSRF_HEADER = "X-CSRF-Token"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

_bearer = HTTPBearer(auto_error=False, scheme_name="token", description="An API token.")
_cookie = APIKeyCookie(
    name=cookies.SESSION, auto_error=False, scheme_name="session", description="A browser's session; writes need CSRF."
)


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def get_service(request: Request) -> Service:
    return service_of(request)


async def get_registry(service: Annotated[Service, Depends(get_service)]) -> Registry:
    """The open registry, with the policy as it is now."""
    return service.registry


def current_identity(
    request: Request,
    service: Annotated[Service, Depends(get_service)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    _: Annotated[str | None, Security(_cookie)],
) -> Identity | None:
    """Who is asking; None where nobody says so.

    Raises:
        Unauthenticated: a token that is not valid.
    """
    if bearer is not None:
        return identity.of_token(service.registry, bearer.credentials, address(request))
    secret = cookies.session(request, service.settings)
    return None if secret is None else identity.of_session(service.registry, service.settings, secret, address(request))


async def require_identity(
    known: Annotated[Identity | None, Depends(current_identity)],
    registry: Annotated[Registry, Depends(get_registry)],
) -> Identity:
    """Who is asking. A browser that nobody is signed in at is sent to ``/login``.

    Raises:
        Unauthenticated: nobody is.
        PolicyRefused: somebody who may not even look.
    """
    if known is None:
        raise Unauthenticated("Nobody is signed in.", "Sign in, or send an API token.")
    permission.require(registry, known.actor, Deed.VIEW)
    return known


async def csrf(
    request: Request,
    service: Annotated[Service, Depends(get_service)],
    known: Annotated[Identity | None, Depends(current_identity)],
) -> None:
    """A write with a cookie carries the form's token, in the field ``csrf_token`` or the header ``X-CSRF-Token``.

    A token in the Authorization header needs none: no other site can send it.

    Raises:
        CrossSite: it does not.
    """
    if known is not None and known.by_token:
        return
    origin = request.headers.get("origin")
    ours = (request.headers.get("host"), urlsplit(service.settings.url).netloc)
    if origin is not None and urlsplit(origin).netloc not in ours:
        raise CrossSite(f"This came from a page of {origin[:200]}.", "Open the page here, and send the form again.")
    given = request.headers.get(CSRF_HEADER) or await _field(request)
    if not hmac.compare_digest(given.encode(), form_token(request, known).encode()):
        raise CrossSite("The form does not come from this session.", "Open the page again, and send the form again.")


def form_token(request: Request, known: Identity | None) -> str:
    """What a form must carry: bound to the session, or to the browser where nobody is signed in."""
    return known.csrf_token if known is not None else sessions.form_token(request.state.form_secret)


async def limited(
    service: Annotated[Service, Depends(get_service)],
    known: Annotated[Identity, Depends(require_identity)],
) -> None:
    """Raises TooMany: this account changes things too often."""
    service.writes.take(f"account {known.account_id}")


async def in_line(service: Annotated[Service, Depends(get_service)]) -> AsyncIterator[None]:
    """One decision at a time, first come, first served.

    Raises:
        Waiting: the line is too long.
    """
    async with service.in_line():
        yield


def scoped(*scopes: Scope) -> Callable[..., Awaitable[Identity]]:
    """Like ``require_identity``, for a token that must be good for one of ``scopes``."""

    async def require(known: Annotated[Identity, Depends(require_identity)]) -> Identity:
        known.require_scope(*scopes)
        return known

    return require


def address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


async def _field(request: Request) -> str:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in FORMS:
        return ""
    value = (await request.form()).get(CSRF_FIELD)
    return value if isinstance(value, str) else ""


ServiceHere = Annotated[Service, Depends(get_service)]
RegistryHere = Annotated[Registry, Depends(get_registry)]
Whoever = Annotated[Identity | None, Depends(current_identity)]
Somebody = Annotated[Identity, Depends(require_identity)]
WRITE = [Depends(require_identity), Depends(csrf), Depends(limited)]  # of every route that changes something
DECIDE = [*WRITE, Depends(in_line)]  # of those that change the registry
