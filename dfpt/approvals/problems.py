"""Every refusal as one kind of answer: RFC 9457's problem details, or a page where a browser asks for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel
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
from dfpt.registry.errors import BytesChanged, ForeignModel, LogDamaged, NotFound, PolicyRefused, WrongState

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
    ForeignModel: (HTTPStatus.CONFLICT, "foreign-model"),
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
    found = details(status, word, error.message, error.remedy, error.exit_code)
    headers = {}
    if isinstance(error, TooMany | Waiting):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return Refusal(found, headers)


def answer(found: Refusal) -> Response:
    return JSONResponse(found.problem.model_dump(), found.problem.status, found.headers, MEDIA_TYPE)


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


def details(status: HTTPStatus, word: str, detail: str, remedy: str = "", exit_code: int | None = None) -> Problem:
    """A problem; of ``about:blank``, whose status says all, where the word is ``http``."""
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
