"""The forms by which people come in. :mod:`dfpt.approvals.routes.login` takes what they send."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from dfpt.approvals import links
from dfpt.approvals.dependencies import ServiceHere, Whoever
from dfpt.approvals.pages.shell import answer, go
from dfpt.approvals.routes.login import inside

router = APIRouter()


@router.get("/login")
def log_in(request: Request, service: ServiceHere, known: Whoever, next: str = "/", failed: str = "") -> Response:
    """Whoever is signed in goes on at once."""
    if known is not None:
        return go(inside(next))
    provider = service.settings.oidc
    return answer(
        request,
        None,
        None,
        "login.html",
        next=inside(next),
        problem=bool(failed),
        provider=None if provider is None else provider.name,
        local_login=service.settings.local_login,
    )


@router.get("/setup/{secret}")
def set_up(request: Request, service: ServiceHere, secret: str) -> Response:
    """The form of a one-time link.

    Raises:
        LinkSpent: it does not work.
    """
    name = links.peek(service.registry.engine, secret)
    return answer(request, None, None, "setup.html", name=name, problem="")
