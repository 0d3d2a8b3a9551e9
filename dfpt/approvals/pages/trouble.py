"""A refusal as a page."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

from dfpt.approvals import links
from dfpt.approvals.dependencies import service_of
from dfpt.approvals.identity import Identity, of_session
from dfpt.approvals.pages.shell import answer
from dfpt.approvals.problems import Problem
from dfpt.errors import DfptError


def error_page(request: Request, problem: Problem) -> Response:
    """What a browser gets instead of problem details. A form that was filled in wrongly comes back with the reason."""
    if request.url.path.startswith("/setup/") and problem.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        try:
            name = links.peek(service_of(request).registry.engine, request.url.path.removeprefix("/setup/"))
            return answer(request, None, None, "setup.html", problem.status, name=name, problem=problem.detail)
        except DfptError:
            pass
    return answer(request, _who(request), None, "error.html", problem.status, problem=problem)


def _who(request: Request) -> Identity | None:
    """Whoever is signed in, if that can be found out: the database may be what has failed."""
    from dfpt.approvals import cookies
    from dfpt.approvals.dependencies import address

    try:
        service = service_of(request)
        secret = cookies.session(request, service.settings)
        return None if secret is None else of_session(service.registry, service.settings, secret, address(request))
    except Exception:
        return None
