"""What every page has round it, and how a page is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from dfpt.approvals.dependencies import form_token
from dfpt.approvals.identity import Identity
from dfpt.approvals.pages import language, templating
from dfpt.registry import requests
from dfpt.registry.database import State
from dfpt.registry.handle import Registry


@dataclass(frozen=True)
class Shell:
    """Of one page.

    Attributes:
        identity: who reads; None where nobody is signed in.
        path: of this page, to come back to.
        pending: how many requests wait.
        notice: the word for what was just done, from ``?done=``; the templates know which there are.
    """

    identity: Identity | None
    csrf_token: str
    path: str
    pending: int
    notice: str
    now: datetime


def answer(
    request: Request,
    known: Identity | None,
    registry: Registry | None,
    template: str,
    status: int = HTTPStatus.OK,
    **context: Any,
) -> HTMLResponse:
    """A page in the reader's language.

    Args:
        registry: to count what waits; None where it may be what has failed.
    """
    pending = 0
    if registry is not None and known is not None:
        pending = len(requests.of_model(registry.engine, state=State.PENDING))
    shell = Shell(
        identity=known,
        csrf_token=form_token(request, known),
        path=request.url.path,
        pending=pending,
        notice=request.query_params.get("done", ""),
        now=datetime.now(UTC),
    )
    return HTMLResponse(templating.render(template, spoken(request, known), {"shell": shell, **context}), status)


def spoken(request: Request, known: Identity | None) -> str:
    """The language of whoever reads."""
    return language.choose(
        None if known is None else known.language,
        request.cookies.get(language.COOKIE),
        request.headers.get("accept-language"),
    )


def go(address: str) -> RedirectResponse:
    """To a page of ours, after something was done: sending the form again does nothing twice."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)
