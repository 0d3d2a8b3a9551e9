"""Every refusal as one kind of answer: RFC 9457's problem details, or a page where a browser asks for one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dfpt.approvals.errors import (
    CrossSite,
    LinkSpent,
    ProviderFailed,
    ScopeRefused,
    SignInRefused,
    TooLarge,
    TooMany,
    Unauthenticated,
    Waiting,
    WrongHost,
)
from dfpt.errors import EXIT_FAILED, EXIT_USAGE, DfptError, StepFailed, UsageError
from dfpt.registry.errors import BytesChanged, LogDamaged, NotFound, PolicyRefused, WrongState

MEDIA_TYPE = "application/problem+json"
NAMESPACE = "urn:dfpt:problem:"

# Error -> status and the last word of the problem's type. What is not in here goes by its base class.
STATUS: dict[type[DfptError], tuple[HTTPStatus, str]] = {
    WrongHost: (HTTPStatus.BAD_REQUEST, "wrong-host"),
    SignInRefused: (HTTPStatus.BAD_REQUEST, "sign-in-refused"),
    Unauthenticated: (HTTPStatus.UNAUTHORIZED, "unauthenticated"),
    PolicyRefused: (HTTPStatus.FORBIDDEN, "policy"),
    ScopeRefused: (HTTPStatus.FORBIDDEN, "scope"),
    CrossSite: (HTTPStatus.FORBIDDEN, "cross-site"),
    NotFound: (HTTPStatus.NOT_FOUND, "not-found"),
    WrongState: (HTTPStatus.CONFLICT, "wrong-state"),
    BytesChanged: (HTTPStatus.CONFLICT, "files-changed"),
    LogDamaged: (HTTPStatus.CONFLICT, "log-damaged"),
    LinkSpent: (HTTPStatus.GONE, "link-spent"),
    TooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large"),
    UsageError: (HTTPStatus.UNPROCESSABLE_ENTITY, "not-valid"),
    TooMany: (HTTPStatus.TOO_MANY_REQUESTS, "too-many"),
    ProviderFailed: (HTTPStatus.BAD_GATEWAY, "provider"),
    Waiting: (HTTPStatus.SERVICE_UNAVAILABLE, "waiting"),
    StepFailed: (HTTPStatus.SERVICE_UNAVAILABLE, "failed"),
    DfptError: (HTTPStatus.INTERNAL_SERVER_ERROR, "error"),
}


class Problem(BaseModel):
    """RFC 9457, and what the command line needs besides.

    Attributes:
        type: what kind, for programs.
        title: the same for people.
        detail: what is wrong here, one sentence.
        remedy: what to do about it; may be empty.
        exit_code: with which the command line ends.
    """

    type: str
    title: str
    status: int
    detail: str
    remedy: str = ""
    exit_code: int = EXIT_FAILED


@dataclass(frozen=True)
class Refusal:
    """A problem, and the headers that go with it."""

    problem: Problem
    headers: Mapping[str, str]


def refusal(error: DfptError) -> Refusal:
    """By the table."""
    status, word = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    problem = _problem(status, word, error.message, error.remedy, error.exit_code)
    headers = {}
    if isinstance(error, TooMany | Waiting):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return Refusal(problem, headers)


def answer(found: Refusal) -> Response:
    return JSONResponse(found.problem.model_dump(), found.problem.status, found.headers, MEDIA_TYPE)


Page = Callable[[Request, Problem], Response]


def install(app: FastAPI, retry_seconds: int) -> None:
    """Let every error of ``app`` end here. ``app.state.error_page`` draws those that a browser asks for."""
    from mlflow import MlflowException
    from requests import RequestException

    def respond(request: Request, found: Refusal) -> Response:
        page: Page | None = getattr(app.state, "error_page", None)
        if not wants_page(request):
            return answer(found)
        if found.problem.status == HTTPStatus.UNAUTHORIZED:
            return RedirectResponse(f"/login?next={quote(_here(request))}", HTTPStatus.SEE_OTHER)
        if page is None:
            return answer(found)
        response = page(request, found.problem)
        response.headers.update(found.headers)
        return response

    def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, DfptError)
        return respond(request, refusal(error))

    def of_mlflow(request: Request, error: Exception) -> Response:
        return respond(request, refusal(from_mlflow(error, retry_seconds)))

    def of_database(request: Request, error: Exception) -> Response:
        logging.getLogger(__name__).warning("the database does not answer: %s", error)
        return respond(request, refusal(Waiting("The registry's database does not answer.", retry_seconds)))

    def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        detail = str(error.detail) if error.detail != status.phrase else f"{request.method} {request.url.path[:200]}"
        return respond(request, Refusal(_problem(status, "http", detail), error.headers or {}))

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return respond(request, refusal(UsageError(_first(error), "See /api/v1/openapi.json.")))

    def unforeseen(request: Request, error: Exception) -> Response:
        problem = _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "error", "Something went wrong here.", "See the log.")
        return respond(request, Refusal(problem, {}))

    for kind, handler in (
        (DfptError, ours),
        (MlflowException, of_mlflow),
        (RequestException, of_mlflow),
        (OperationalError, of_database),
        (HTTPException, of_http),
        (RequestValidationError, invalid),
        (Exception, unforeseen),
    ):
        app.add_exception_handler(kind, handler)


def from_mlflow(error: Exception, retry_seconds: int) -> DfptError:
    """What MLflow's client raises: something is not there, or the server is not."""
    code = getattr(error, "error_code", "")
    if code == "RESOURCE_DOES_NOT_EXIST":
        return NotFound(_sentence(error), "dfpt model list shows what there is.")
    if code == "INVALID_PARAMETER_VALUE":
        return UsageError(_sentence(error))
    logging.getLogger(__name__).warning("MLflow does not answer: %s", error)
    return Waiting("Waiting for the registry: MLflow does not answer as it should.", retry_seconds)


def answers(*kinds: type[DfptError]) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: the refusals that a route can end with."""
    by_status: dict[HTTPStatus, list[str]] = {}
    for kind in kinds:
        status, word = STATUS[kind]
        by_status.setdefault(status, []).append(word)
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        status.value: {
            "description": f"{status.phrase}: {', '.join(words)}",
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status, words in sorted(by_status.items())
    }


def wants_page(request: Request) -> bool:
    """Whether a browser is asking for a page."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def _problem(status: HTTPStatus, word: str, detail: str, remedy: str = "", exit_code: int | None = None) -> Problem:
    if exit_code is None:
        exit_code = EXIT_USAGE if status < HTTPStatus.INTERNAL_SERVER_ERROR else EXIT_FAILED
    return Problem(
        type="about:blank" if word == "http" else f"{NAMESPACE}{word}",
        title=status.phrase,
        status=status.value,
        detail=detail,
        remedy=remedy,
        exit_code=exit_code,
    )


def _first(error: RequestValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where[:200]}: {first['msg']}."


def _here(request: Request) -> str:
    return request.url.path if request.method == "GET" else "/"


def _sentence(error: Exception) -> str:
    return str(getattr(error, "message", error)).removeprefix("RESOURCE_DOES_NOT_EXIST: ")[:500]
