"""Coming in by name and password, going out, and one-time links. The forms are pages; these take what they send."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse

from dfpt.approvals import accounts, cookies, links, sessions
from dfpt.approvals.dependencies import ServiceHere, address, csrf
from dfpt.approvals.errors import Unauthenticated
from dfpt.approvals.service import Service
from dfpt.approvals.tables import Account

router = APIRouter(include_in_schema=False, dependencies=[Depends(csrf)])

Word = Annotated[str, Form(max_length=1024)]


@router.post("/login")
def log_in(
    request: Request, service: ServiceHere, name: Word, password: Word, next: Annotated[str, Form()] = "/"
) -> RedirectResponse:
    """Start a session and go to ``next``; back to the form with ``?failed=1`` if name or password are wrong.

    Raises:
        TooMany: for this address, or for this name.
    """
    service.logins.take(f"address {address(request)}")
    service.logins.take(f"name {name}")
    if not service.settings.local_login:
        raise Unauthenticated("Names and passwords are not accepted here.", "Sign in at the provider.")
    account = accounts.authenticate(service.registry.engine, name, password)
    if account is None:
        return RedirectResponse(f"/login?failed=1&next={quote(inside(next))}", HTTPStatus.SEE_OTHER)
    return come_in(request, service, account, next)


@router.post("/setup/{secret}")
def set_up(request: Request, service: ServiceHere, secret: str, password: Word, name: Word = "") -> RedirectResponse:
    """Use a one-time link: make the first account, or choose a password; then a session starts.

    Raises:
        LinkSpent: it does not work.
        UsageError: no name, no password.
    """
    service.logins.take(f"address {address(request)}")
    return come_in(request, service, links.use(service.registry.engine, secret, name, password), "/")


@router.post("/logout")
def log_out(request: Request, service: ServiceHere) -> RedirectResponse:
    """End the session."""
    secret = cookies.session(request, service.settings)
    if secret is not None:
        sessions.end(service.registry.engine, secret)
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    cookies.drop(response, service.settings, cookies.SESSION)
    return response


def come_in(request: Request, service: Service, account: Account, next: str) -> RedirectResponse:
    """A new session, whatever the browser brought along: an older one of it ends."""
    before = cookies.session(request, service.settings)
    if before is not None:
        sessions.end(service.registry.engine, before)
    response = RedirectResponse(inside(next), HTTPStatus.SEE_OTHER)
    secret = sessions.start(service.registry.engine, service.settings, account)
    cookies.put(response, service.settings, cookies.SESSION, secret)
    return response


def inside(next: str) -> str:
    """A path of ours; whatever leads elsewhere becomes the start page."""
    url = urlsplit(next)
    fine = next.startswith("/") and not next.startswith(("//", "/\\")) and next.isprintable()
    return next if fine and not url.scheme and not url.netloc else "/"
