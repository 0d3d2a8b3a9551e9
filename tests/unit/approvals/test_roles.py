"""Who may do what over the API: every endpoint, every kind of person, one's own request and another's."""

from __future__ import annotations

import secrets
from itertools import product

import pytest
from fastapi.testclient import TestClient

from dfpt.approvals.tokens import Scope
from tests.approvals_service import ROLES, Desk, Open, problem

pytest_plugins = "tests.approvals_service"

REASON = {"reason": "looked at every miss"}
VERSION = "/api/v1/models/elpv/versions/{version}"
# Method and path -> what it is asked with.
ENDPOINTS: dict[tuple[str, str], object] = {
    ("GET", "/api/v1/me"): None,
    ("GET", "/api/v1/requests"): None,
    ("GET", "/api/v1/models"): None,
    ("GET", VERSION): None,
    ("GET", "/api/v1/models/elpv/champion"): None,
    ("GET", "/api/v1/models/elpv/history"): None,
    ("GET", "/api/v1/audit"): None,
    ("GET", "/api/v1/audit/export"): None,
    ("POST", f"{VERSION}/request"): REASON | {"dry_run": True},
    ("POST", f"{VERSION}/approve"): REASON | {"dry_run": True},
    ("POST", f"{VERSION}/approve emergency"): REASON | {"dry_run": True, "emergency": True},
    ("POST", f"{VERSION}/reject"): REASON | {"dry_run": True},
    ("POST", f"{VERSION}/withdraw"): REASON | {"dry_run": True},
    ("POST", "/api/v1/models/elpv/rollback"): REASON | {"dry_run": True},
    ("POST", "/api/v1/sweep"): None,
    ("POST", "/api/v1/reconcile"): None,
    ("GET", "/api/v1/tokens"): None,
    ("POST", "/api/v1/tokens"): {"label": "x", "scopes": ["read"]},
    ("DELETE", "/api/v1/tokens/999"): None,
    ("GET", "/api/v1/accounts"): None,
    ("POST", "/api/v1/accounts"): None,  # a new name each time
    ("POST", "/api/v1/accounts/nowhere/link"): None,
    ("POST", "/api/v1/accounts/nowhere/disable"): None,
    ("POST", "/api/v1/accounts/nowhere/enable"): None,
}
PEOPLE = ("stranger", "nobody", "victor", "rita", "ada", "bob", "carol")
# own request / another's. Columns as PEOPLE: 4 is 401 (not signed in), - is 403, + is done, 0 is "not there" (404).
TABLE = {
    ("GET", "/api/v1/me"): ("4-+++++", "4-+++++"),
    ("GET", "/api/v1/requests"): ("4-+++++", "4-+++++"),
    ("GET", "/api/v1/models"): ("4-+++++", "4-+++++"),
    ("GET", VERSION): ("4-+++++", "4-+++++"),
    ("GET", "/api/v1/models/elpv/champion"): ("4-+++++", "4-+++++"),
    ("GET", "/api/v1/models/elpv/history"): ("4-+++++", "4-+++++"),
    ("GET", "/api/v1/audit"): ("4-+++++", "4-+++++"),
    ("GET", "/api/v1/audit/export"): ("4-+++++", "4-+++++"),
    ("POST", f"{VERSION}/request"): ("4--++-+", "4--++-+"),
    ("POST", f"{VERSION}/approve"): ("4------", "4---++-"),  # four eyes
    ("POST", f"{VERSION}/approve emergency"): ("4-----+", "4-----+"),
    ("POST", f"{VERSION}/reject"): ("4---++-", "4---++-"),
    ("POST", f"{VERSION}/withdraw"): ("4--++-+", "4-----+"),
    ("POST", "/api/v1/models/elpv/rollback"): ("4---+++", "4---+++"),
    ("POST", "/api/v1/sweep"): ("4-----+", "4-----+"),
    ("POST", "/api/v1/reconcile"): ("4-----+", "4-----+"),
    ("GET", "/api/v1/tokens"): ("4-+++++", "4-+++++"),
    ("POST", "/api/v1/tokens"): ("4-+++++", "4-+++++"),
    ("DELETE", "/api/v1/tokens/999"): ("4-00000", "4-00000"),
    ("GET", "/api/v1/accounts"): ("4-----+", "4-----+"),
    ("POST", "/api/v1/accounts"): ("4-----+", "4-----+"),
    ("POST", "/api/v1/accounts/nowhere/link"): ("4-----0", "4-----0"),
    ("POST", "/api/v1/accounts/nowhere/disable"): ("4-----0", "4-----0"),
    ("POST", "/api/v1/accounts/nowhere/enable"): ("4-----0", "4-----0"),
}
MEANING = {"4": {401}, "-": {403}, "+": {200, 201, 204}, "0": {404}}
SCOPE = {  # each is enough
    "GET": {Scope.READ},
    "champion": {Scope.READ, Scope.REQUEST},
    "request": {Scope.REQUEST},
    "approve": {Scope.APPROVE},
    "reject": {Scope.REJECT},
    "withdraw": {Scope.WITHDRAW},
    "rollback": {Scope.ROLL_BACK},
    "sweep": {Scope.MAINTAIN},
    "reconcile": {Scope.MAINTAIN},
}


def ask(client: TestClient, endpoint: tuple[str, str], version: int) -> int:
    method, path = endpoint
    wish = ENDPOINTS[endpoint]
    if path == "/api/v1/accounts" and method == "POST":
        wish = {"name": f"new-{secrets.token_hex(4)}"}
    answer = client.request(method, path.split()[0].format(version=version), json=wish)
    if not answer.is_success:
        problem(answer)
    return answer.status_code


@pytest.fixture
def in_production(open_desk: Open) -> Desk:
    """Two versions were promoted, so there is something to roll back."""
    desk = open_desk("others: [requester, approver]")
    for _ in range(2):
        version = desk.submit("rita").version
        path = f"/api/v1/models/elpv/versions/{version}/approve"
        assert desk.program("bob").post(path, json=REASON).status_code == 200
    return desk


def in_force(desk: Desk) -> Desk:
    """From now on the roles of ``ROLES`` hold."""
    (desk.registry.home / "approvals.yaml").write_text(ROLES)
    return desk


def test_the_table_has_every_endpoint_of_the_document(desk: Desk) -> None:
    documented = {
        (method.upper(), path)
        for path, item in desk.app.openapi()["paths"].items()
        for method in item
        if path.startswith("/api/")
    }
    named = {"elpv": "{name}", "999": "{number}", "nowhere": "{name}"}

    def pattern(path: str) -> str:
        return "/".join(named.get(part, part) for part in path.split()[0].split("/"))

    assert {(method, pattern(path)) for method, path in ENDPOINTS} == documented
    assert set(TABLE) == set(ENDPOINTS)


def test_every_cell_of_roles_endpoints_and_own_or_anothers(in_production: Desk) -> None:
    own = {person: in_production.submit(person).version for person in PEOPLE}
    desk = in_force(in_production)

    wrong = []
    for (endpoint, rows), (column, person) in product(TABLE.items(), enumerate(PEOPLE)):
        client = desk.anybody() if person == "stranger" else desk.browser(person)
        for whose, row in zip(("own", "another's"), rows, strict=True):
            asked_by = person if whose == "own" else "stranger"
            status = ask(client, endpoint, own[asked_by])
            if status not in MEANING[row[column]]:
                wrong.append((*endpoint, person, whose, status, row[column]))
    assert wrong == []


def test_a_token_does_what_its_scopes_say_and_nothing_else(in_production: Desk) -> None:
    version = in_production.submit("rita").version
    desk = in_force(in_production)
    for scope in Scope:
        client = desk.program("ada" if scope is not Scope.MAINTAIN else "carol", scope)
        for endpoint in ENDPOINTS:
            method, path = endpoint
            word = path.split("/")[-1].split()[0]
            needed = SCOPE.get(word, SCOPE["GET"] if method == "GET" else set())
            status = ask(client, endpoint, version)
            if "tokens" in path or "accounts" in path:
                assert status == 403, endpoint  # never by a token
            elif path.endswith("/me"):
                assert status == 200, (scope, endpoint)
            elif scope not in needed:
                assert status == 403, (scope, endpoint)
            elif "emergency" not in path:
                assert status in (200, 403 if word == "withdraw" else 200), (scope, endpoint)


def test_a_policy_that_changes_holds_at_once(open_desk: Open) -> None:
    desk = open_desk()
    client = desk.program("bob")
    assert client.get("/api/v1/me").json()["roles"] == ["approver"]

    (desk.registry.home / "approvals.yaml").write_text("people: {bob: [viewer, requester]}\n")

    assert client.get("/api/v1/me").json()["roles"] == ["requester", "viewer"]


def test_while_the_policy_file_is_wrong_nobody_may_do_anything(open_desk: Open) -> None:
    desk = open_desk()
    client, file = desk.program("bob"), desk.registry.home / "approvals.yaml"
    version = desk.submit().version
    file.write_text("four_eyse: true\n")

    for endpoint in (("GET", "/api/v1/requests"), ("POST", f"{VERSION}/approve")):
        answer = client.request(endpoint[0], endpoint[1].format(version=version), json=REASON)
        assert (answer.status_code, problem(answer)) == (503, "failed")
        assert "four_eyes" in answer.json()["remedy"]
    file.write_text(ROLES)
    assert client.get("/api/v1/requests").json()[0]["state"] == "pending"
    for take_away in (file.unlink, lambda: file.write_text("")):
        take_away()
        assert client.get("/api/v1/requests").status_code == 503
    file.write_text(ROLES)
    assert client.get("/api/v1/requests").status_code == 200
