"""The service's cookies: out of scripts' reach, not sent along by other sites' forms, over https only where it is."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response

from dfpt.approvals.settings import Settings

SESSION = "dfpt_session"
FORM = "dfpt_form"  # of a browser where nobody is signed in
ATTEMPT = "dfpt_attempt"  # a sign-in at the provider under way


def name(settings: Settings, cookie: str) -> str:
    """With https no other host of the domain can set it: browsers see to that by the prefix."""
    return f"__Host-{cookie}" if settings.https else cookie


def session(request: HTTPConnection, settings: Settings) -> str | None:
    return request.cookies.get(name(settings, SESSION))


def put(response: Response, settings: Settings, cookie: str, value: str) -> None:
    """Until the browser is closed."""
    response.set_cookie(name(settings, cookie), value, path="/", secure=settings.https, httponly=True, samesite="lax")


def drop(response: Response, settings: Settings, cookie: str) -> None:
    response.delete_cookie(name(settings, cookie), path="/", secure=settings.https, httponly=True, samesite="lax")
