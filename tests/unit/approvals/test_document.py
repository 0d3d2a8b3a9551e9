"""The OpenAPI document is a promise: schemathesis asks what it allows and what not, and holds the answers to it."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dfpt.approvals.problems import MEDIA_TYPE
from tests.approvals_service import URL, Desk, Open

pytest_plugins = "tests.approvals_service"

load_all_checks()
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
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", everyone.app, headers={"Host": "127.0.0.1:8080"})
    asked = 0
    for operation in schema.get_all_operations():
        found = operation.ok()
        in_person = any(word in found.path for word in ("tokens", "accounts"))

        @settings(
            max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
        )
        @_given(found)
        def ask(case: schemathesis.Case, headers: dict[str, str] = browser if in_person else program) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(headers={"Host": "127.0.0.1:8080"} | headers, checks=CHECKS)

        ask()
    assert asked >= 100


def _given(operation: object) -> object:
    from hypothesis import given

    return given(case=operation.as_strategy())  # type: ignore[attr-defined]


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
