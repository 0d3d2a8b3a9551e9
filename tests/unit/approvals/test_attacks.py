"""What an attacker would try at the service, each refused."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from dfpt.approvals import accounts, links, sessions, tokens
from dfpt.registry import requests
from tests.approvals_service import URL, Desk, Open, problem

pytest_plugins = "tests.approvals_service"

PASSWORD = "correct horse battery staple"
REASON = {"reason": "good"}
HOSTILE = [
    "<script>alert(1)</script>",
    "'; DROP TABLE requests; --",
    "=HYPERLINK('http://evil.example')",
    "a\r\nSet-Cookie: x=y",
    "\u202eevil",
    "{{7*7}}${7*7}",
]


def log_in(browser: TestClient, name: str = "ada", password: str = PASSWORD, **more: str) -> Any:
    """As the form does: with the token of this browser's cookie."""
    browser.cookies.set("dfpt_form", "a browser's secret")
    token = sessions.form_token("a browser's secret")
    return browser.post("/login", data={"name": name, "password": password, "csrf_token": token} | more)


@pytest.fixture
def ada(desk: Desk) -> Desk:
    accounts.add(desk.registry.engine, "ada", PASSWORD)
    return desk


def test_the_form_lets_in_and_out(ada: Desk) -> None:
    browser = ada.anybody()

    answer = log_in(browser, next="/history?x=1")

    assert (answer.status_code, answer.headers["location"]) == (303, "/history?x=1")
    cookie = answer.headers["set-cookie"].lower()
    for word in ("httponly", "samesite=lax", "path=/"):
        assert word in cookie
    assert "secure" not in cookie  # plain http on loopback
    assert browser.get("/api/v1/me").json()["by"] == "session"
    kept = browser.cookies["dfpt_session"]
    assert browser.post("/logout", data={"csrf_token": sessions.form_token(kept)}).status_code == 303
    assert ada.anybody(cookies={"dfpt_session": kept}).get("/api/v1/me").status_code == 401


def test_a_wrong_password_says_nothing_about_the_name(ada: Desk) -> None:
    known, unknown = (log_in(ada.anybody(), name, "a wrong password") for name in ("ada", "eve"))

    assert known.headers["location"] == unknown.headers["location"] == "/login?failed=1&next=/"
    assert "dfpt_session" not in known.headers.get("set-cookie", "")


def test_session_fixation_a_session_that_was_brought_along_is_not_taken_over(ada: Desk) -> None:
    mallory = sessions.start(ada.registry.engine, ada.app.state.service.settings, ada.account("mallory"))
    for planted in ("chosen-by-the-attacker", mallory):
        victim = ada.anybody(cookies={"dfpt_session": planted})
        if planted is mallory:
            victim.cookies.set("dfpt_form", "x")
            answer = victim.post(
                "/login", data={"name": "ada", "password": PASSWORD, "csrf_token": sessions.form_token(mallory)}
            )
        else:
            answer = log_in(victim)
        assert answer.status_code == 303
        assert planted not in answer.headers["set-cookie"]
        assert ada.anybody(cookies={"dfpt_session": planted}).get("/api/v1/me").status_code == 401


def test_csrf_a_cookie_alone_changes_nothing(ada: Desk) -> None:
    version = ada.submit().version
    path = f"/api/v1/models/elpv/versions/{version}/approve"
    browser = ada.browser("bob")
    good = browser.headers["X-CSRF-Token"]
    elsewhere = {"Origin": "https://evil.example"}
    for headers, form in (
        ({"X-CSRF-Token": ""}, None),
        ({"X-CSRF-Token": "0" * 64}, None),
        ({"X-CSRF-Token": good} | elsewhere, None),
        ({"X-CSRF-Token": good, "Origin": "null"}, None),
        ({"X-CSRF-Token": ""}, {"csrf_token": ada.browser("carol").headers["X-CSRF-Token"]}),
    ):
        body: Any = {"json": REASON} if form is None else {"data": form}
        assert problem(browser.post(path, headers=headers, **body)) == "cross-site"
    assert requests.latest(ada.registry.engine, "elpv", version).state == "pending"  # type: ignore[union-attr]
    assert browser.post(path, json=REASON).status_code == 200


@pytest.mark.parametrize("path", ["/login", "/logout", "/setup/x"])
def test_csrf_of_forms_where_nobody_is_signed_in(ada: Desk, path: str) -> None:
    stranger = ada.anybody(cookies={"dfpt_form": "a browser's secret"})
    form = {"name": "ada", "password": PASSWORD, "csrf_token": sessions.form_token("another browser's")}

    assert problem(stranger.post(path, data=form)) == "cross-site"
    assert problem(stranger.post(path, data=form | {"csrf_token": ""})) == "cross-site"


def test_a_token_is_dead_after_its_revocation(desk: Desk) -> None:
    client = desk.program("bob")
    assert client.get("/api/v1/requests").status_code == 200
    ((_, token),) = tokens.listed(desk.registry.engine)

    tokens.revoke(desk.registry.engine, token.id)

    assert problem(client.get("/api/v1/requests")) == "unauthenticated"
    assert problem(client.post("/api/v1/models/elpv/versions/1/approve", json=REASON)) == "unauthenticated"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer x", "Basic YWRhOng=", "bearer dfpt_", "Bearer é"])
def test_what_is_no_token_lets_nobody_in_and_does_not_fall_back_to_a_cookie(desk: Desk, header: str) -> None:
    assert desk.anybody(headers={b"authorization": header.encode()}).get("/api/v1/me").status_code == 401


def test_a_token_of_another_does_not_fall_back_to_the_cookies_owner(desk: Desk) -> None:
    browser = desk.browser("bob")

    assert browser.get("/api/v1/me", headers={"Authorization": "Bearer stolen"}).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/models/..%2f..%2fsecret/versions/1",
        "/api/v1/models/%2e%2e/versions/1",
        "/api/v1/models/elpv%2f..%2f..%2fetc/history",
        "/static/..%2f..%2faudit-key.pem",
        "/static/../../audit-key.pem",
        "//etc/passwd",
        "/api/v1/models/elpv%00/history",
        "/api/v1/models/elpv' OR name LIKE '%25/versions/1",
        "/setup/..%2f..%2fapi%2fv1%2faccounts",
    ],
)
def test_paths_lead_nowhere_else(desk: Desk, path: str) -> None:
    desk.submit()

    answer = desk.program("bob").get(path)

    assert answer.status_code in (404, 405, 422) or answer.json() == []
    assert "PRIVATE KEY" not in answer.text


@pytest.mark.parametrize("version", ["0", "-1", "1e3", "99999999999999999999", "1.5", "elpv"])
def test_a_version_is_a_number(desk: Desk, version: str) -> None:
    assert desk.program("bob").get(f"/api/v1/models/elpv/versions/{version}").status_code == 422


def test_a_body_too_large_is_refused_before_it_is_read(desk: Desk) -> None:
    client = desk.program("bob")
    path, limit = "/api/v1/models/elpv/rollback", desk.app.state.service.settings.body_bytes

    def endless() -> Any:
        for _ in range(1000):
            yield b"x" * 1024

    assert problem(client.post(path, content=b"x" * (limit + 1))) == "too-large"
    assert problem(client.post(path, content=endless())) == "too-large"
    assert problem(client.post(path, content=b"{}", headers={"Content-Length": str(10**12)})) == "too-large"
    assert problem(client.post(path, json={"reason": "x" * 4001})) == "not-valid"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"reason": 7}', b'{"reason": ""}', b'{"reason": "x", "to": 1.5}']
)
def test_a_body_that_is_none_is_said_to_be_none(desk: Desk, body: bytes) -> None:
    assert problem(desk.program("bob").post("/api/v1/models/elpv/rollback", content=body)) == "not-valid"


def test_hostile_words_are_kept_as_they_are_and_nothing_runs_them(desk: Desk) -> None:
    bob = desk.program("bob")
    for word in HOSTILE:
        version = desk.submit().version
        answer = bob.post(f"/api/v1/models/elpv/versions/{version}/reject", json={"reason": word})
        assert answer.json()["shown"]["decision_reason"] == word
        story = bob.get(f"/api/v1/models/elpv/versions/{version}")
        assert story.headers["content-type"] == "application/json"
        assert story.headers["x-content-type-options"] == "nosniff"
        assert story.json()["log"][-1]["reason"] == word
        name = quote(word.replace("/", ""))
        assert bob.get(f"/api/v1/models/{name}/history").json() == []
        missing = bob.get(f"/api/v1/models/{name}/versions/1")
        assert problem(missing) == "not-found"
    lines = bob.get("/api/v1/audit/export").text.splitlines()
    assert [json.loads(line)["reason"] for line in lines if json.loads(line)["action"] == "rejected"] == HOSTILE
    sheet = bob.get("/api/v1/audit/export?format=csv")
    assert "'=HYPERLINK" in sheet.text
    assert sheet.headers["content-type"].startswith("text/plain")
    assert bob.get("/api/v1/audit").json()["intact"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8080", "", "localhost@evil"])
def test_it_answers_under_its_own_names_alone(desk: Desk, host: str) -> None:
    assert problem(desk.anybody(headers={"Host": host}).get("/health/live")) == "wrong-host"
    assert desk.anybody(headers={"Host": "localhost:8080"}).get("/health/live").status_code == 200


def test_every_answer_forbids_what_pages_do_not_need(desk: Desk) -> None:
    for path in ("/health/live", "/api/v1/me", "/nowhere", "/api/v1/openapi.json"):
        headers = desk.anybody().get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_behind_https_cookies_are_secure_and_browsers_remember_it(open_desk: Open) -> None:
    desk = open_desk(public_url="https://approvals.example")
    accounts.add(desk.registry.engine, "ada", PASSWORD)
    browser = TestClient(desk.app, base_url="https://approvals.example", follow_redirects=False)
    browser.cookies.set("__Host-dfpt_form", "x")

    answer = browser.post("/login", data={"name": "ada", "password": PASSWORD, "csrf_token": sessions.form_token("x")})

    assert answer.headers["set-cookie"].startswith("__Host-dfpt_session=")
    assert "; secure" in answer.headers["set-cookie"].lower()
    assert "max-age=31536000" in answer.headers["strict-transport-security"]


def test_guessing_passwords_is_slow(open_desk: Open) -> None:
    desk = open_desk(logins_per_minute=3)
    accounts.add(desk.registry.engine, "ada", PASSWORD)
    tries = [log_in(desk.anybody(), "ada", "a wrong password") for _ in range(4)]

    assert [answer.status_code for answer in tries] == [303, 303, 303, 429]
    assert int(tries[-1].headers["retry-after"]) > 0
    assert log_in(desk.anybody()).status_code == 429  # the right one too


def test_writes_are_limited_for_each_account(open_desk: Open) -> None:
    desk = open_desk(writes_per_minute=2)
    bob, ada = desk.program("bob"), desk.program("ada")
    path = "/api/v1/models/elpv/versions/1/approve"

    assert [bob.post(path, json=REASON).status_code for _ in range(3)] == [404, 404, 429]
    assert ada.post(path, json=REASON).status_code == 404
    assert bob.get("/api/v1/me").status_code == 200


def test_a_one_time_link_starts_a_session_once(desk: Desk) -> None:
    service = desk.app.state.service
    link = links.first(desk.registry.engine, service.settings)
    assert link is not None
    form = {"name": "ada", "password": PASSWORD, "csrf_token": sessions.form_token("x")}
    first, second = (desk.anybody(cookies={"dfpt_form": "x"}) for _ in range(2))

    assert first.post(link.removeprefix(URL), data=form).status_code == 303
    assert first.get("/api/v1/me").json()["name"] == "ada"
    assert problem(second.post(link.removeprefix(URL), data=form | {"name": "eve"})) == "link-spent"


def test_accounts_are_managed_in_person(desk: Desk) -> None:
    carol = desk.browser("carol")

    added = carol.post("/api/v1/accounts", json={"name": "new"}).json()

    assert added["link"].startswith(f"{URL}/setup/")
    assert carol.post("/api/v1/accounts", json={"name": "new"}).status_code == 422
    mine = carol.post("/api/v1/tokens", json={"label": "ci", "scopes": ["read"], "days": 1}).json()
    program = desk.anybody(headers={"Authorization": f"Bearer {mine['secret']}"})
    assert program.get("/api/v1/requests").status_code == 200
    assert "secret" not in carol.get("/api/v1/tokens").text
    assert carol.delete(f"/api/v1/tokens/{mine['id']}").status_code == 204
    assert program.get("/api/v1/requests").status_code == 401
    assert carol.post("/api/v1/accounts/new/link").json()["link"] != added["link"]
    assert carol.get(added["link"].removeprefix(URL)).status_code == 410, "the new one takes its place"
    assert carol.post("/api/v1/accounts/new/disable").json()["disabled"] is True
    assert carol.post("/api/v1/accounts/new/enable").json()["disabled"] is False
    assert [one["name"] for one in carol.get("/api/v1/accounts").json()] == ["carol", "new"]
