"""Where every error of the application ends: as problem details, or as a page where a browser asks for one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dfpt.approvals.errors import Waiting
from dfpt.approvals.problems import Problem, Refusal, answer, details, refusal
from dfpt.errors import DfptError, UsageError
from dfpt.registry.errors import NotFound

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
        return respond(request, Refusal(details(status, "http", detail), error.headers or {}))

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return respond(request, refusal(UsageError(_first(error), "See /api/v1/openapi.json.")))

    def unforeseen(request: Request, error: Exception) -> Response:
        problem = details(HTTPStatus.INTERNAL_SERVER_ERROR, "error", "Something went wrong here.", "See the log.")
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


def wants_page(request: Request) -> bool:
    """Whether a browser is asking for a page."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def _first(error: RequestValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where[:200]}: {first['msg']}."


def _here(request: Request) -> str:
    return request.url.path if request.method == "GET" else "/"


def _sentence(error: Exception) -> str:
    return str(getattr(error, "message", error)).removeprefix("RESOURCE_DOES_NOT_EXIST: ")[:500]
