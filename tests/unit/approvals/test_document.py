"""The OpenAPI document is a promise: schemathesis asks what it allows and what not, and holds the answers to it."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dfpt.approvals.problems import MEDIA_TYPE
from tests.approvals_service import URL, Desk, Open

pytest_plugins = "tests.approvals_service"

load_all_checks()
HOST = {"Host": "127.0.0.1:8080"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def everyone(open_desk: Open) -> Desk:
    """Whoever asks has all roles, and there is something to decide about."""
    desk = open_desk("others: [viewer, requester, approver, admin]")
    for _ in range(2):
        desk.submit()
    return desk


def test_every_answer_is_one_that_the_document_names(everyone: Desk) -> None:
    program = {"Authorization": f"Bearer {everyone.token('ada')}"}
    person = everyone.browser("ada")
    browser = {"Cookie": f"dfpt_session={person.cookies['dfpt_session']}"} | dict(person.headers.items())
    browser = {key: value for key, value in browser.items() if key.lower() in ("cookie", "x-csrf-token", "origin")}
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", everyone.app, headers=HOST)
    asked = [
        ask(found.ok(), browser if any(word in found.ok().path for word in ("tokens", "accounts")) else program)
        for found in schema.get_all_operations()
    ]
    assert sum(asked) >= 100


def ask(operation: APIOperation[Any, Any, Any, Any], headers: dict[str, str]) -> int:
    """Ask for what the document allows, and a little more; how often."""
    asked = []

    @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def try_it(case: schemathesis.Case) -> None:
        asked.append(case)
        case.call_and_validate(headers=HOST | headers, checks=CHECKS)

    try_it()
    return len(asked)


def test_every_refusal_is_a_problem_and_every_operation_says_what_it_does(everyone: Desk) -> None:
    document = everyone.app.openapi()

    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["description"], (method, path)
            if not path.startswith("/api/"):
                continue
            assert operation["security"], (method, path)
            assert {"401", "403"} <= set(operation["responses"]), (method, path)
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == [MEDIA_TYPE], (method, path, status)
    assert everyone.anybody().get(f"{URL}/api/v1/openapi.json").json() == document
