"""Coming in, one's own account, and refusals as pages."""

from __future__ import annotations

import re

import pytest

from dfpt.approvals import accounts, links
from dfpt.approvals.settings import Oidc
from dfpt.registry.handle import Registry
from tests.approval_evidence import Filer
from tests.approvals_service import Desk, Open
from tests.html_page import Page

pytest_plugins = ("tests.approvals_service", "tests.approval_evidence")

HTML = {"Accept": "text/html"}
PASSWORD = "a lamp, a lens and a line"


def test_the_first_account_is_made_by_the_link_and_a_bad_password_is_said_in_the_form(desk: Desk) -> None:
    link = links.first(desk.registry.engine, desk.app.state.service.settings)
    assert link is not None
    path = re.sub("^https?://[^/]+", "", link)
    client = desk.anybody()
    form = Page(client.get(path, headers=HTML).text).form(path)
    assert set(form.fields) == {"csrf_token", "name", "password"}
    short = client.post(path, data=form.fields | {"name": "ada", "password": "short"}, headers=HTML)
    page = Page(short.text)
    assert short.status_code == 422
    assert page.faults == []
    assert "A password has 12 to 1024 characters." in page.text
    made = client.post(path, data=page.form(path).fields | {"name": "ada", "password": PASSWORD}, headers=HTML)
    assert (made.status_code, made.headers["location"]) == (303, "/")
    assert "Sign out" in client.get("/", headers=HTML).text
    spent = client.get(path, headers=HTML | {"Accept-Language": "ja"})
    assert spent.status_code == 410
    assert "このリンクはもう使えません。" in spent.text


def test_a_wrong_password_is_said_and_a_right_one_leads_on(desk: Desk) -> None:
    accounts.add(desk.registry.engine, "bob", PASSWORD)
    client = desk.anybody()
    form = Page(client.get("/login?next=/audit", headers=HTML).text).form("/login")
    wrong = client.post("/login", data=form.fields | {"name": "bob", "password": "wrong"}, headers=HTML)
    page = Page(client.get(wrong.headers["location"], headers=HTML).text)
    assert page.faults == []
    assert "That did not work." in page.text
    right = client.post("/login", data=page.form("/login").fields | {"name": "bob", "password": PASSWORD}, headers=HTML)
    assert right.headers["location"] == "/audit"
    assert client.get("/login", headers=HTML).headers["location"] == "/"
    out = Page(client.get("/", headers=HTML).text).form("/logout")
    assert client.post("/logout", data=out.fields, headers=HTML).headers["location"] == "/login"
    assert client.get("/", headers=HTML).status_code == 303


def test_the_entrance_offers_what_the_settings_allow(open_desk: Open) -> None:
    provider = Oidc(issuer="https://id.example", client_id="dfpt", name="Factory ID")
    page = Page(open_desk(oidc=provider, local_login=False).anybody().get("/login?next=/audit", headers=HTML).text)
    assert page.faults == []
    assert "Sign in with Factory ID" in page.text
    assert "/oidc/login?next=/audit" in page.links
    assert [form.action for form in page.forms] == ["/language"]


def test_a_token_is_shown_once_and_revoked_by_its_owner_alone(desk: Desk) -> None:
    bob = desk.browser("bob")
    form = Page(bob.get("/settings", headers=HTML).text).form("/settings/tokens")
    made = bob.post("/settings/tokens", data=form.fields | {"label": "nightly", "scopes": ["read", "request"]})
    assert made.status_code == 201
    page = Page(made.text)
    assert page.faults == []
    (secret,) = set(re.findall(r"dfpt_[\w-]{20,}", made.text))
    again = bob.get("/settings", headers=HTML).text
    assert secret not in again
    assert "look, ask for approval" in Page(again).text or "ask for approval, look" in Page(again).text
    caller = desk.anybody(headers={"Authorization": f"Bearer {secret}"})
    assert caller.get("/api/v1/me").status_code == 200

    assert desk.browser("ada").post("/settings/tokens/1/revoke").status_code == 404
    assert bob.post("/settings/tokens/1/revoke").headers["location"] == "/settings?done=revoked"
    assert caller.get("/api/v1/me").status_code == 401
    assert "revoked" in Page(bob.get("/settings", headers=HTML).text).text


@pytest.mark.parametrize("wish", [{"label": ""}, {"scopes": []}, {"days": "0"}, {"days": "many"}])
def test_a_token_that_cannot_be_is_refused_with_a_page(desk: Desk, wish: dict[str, object]) -> None:
    asked = {"label": "nightly", "scopes": ["read"], "days": "30"} | wish
    answer = desk.browser("bob").post("/settings/tokens", data=asked, headers=HTML)
    assert answer.status_code == 422
    assert Page(answer.text).faults == []


def test_while_mlflow_is_away_the_page_says_that_nothing_is_lost(
    desk: Desk, file_request: Filer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowException

    file_request(desk)

    def away(*_: object) -> None:
        raise MlflowException("API request failed with status code 500")

    monkeypatch.setattr(type(desk.registry.client), "get_model_version", away)
    bob = desk.browser("bob")
    refused = bob.post("/requests/1/approve", data={"reason": "good"}, headers=HTML | {"Accept-Language": "ja"})
    page = Page(refused.text)
    assert (refused.status_code, page.faults) == (503, [])
    assert "レジストリの応答を待っています" in page.text
    assert "retry-after" in refused.headers
    for path in ("/", "/requests/1"):
        readable = bob.get(path, headers=HTML)
        assert readable.status_code == 200
        assert "elpv/1" in readable.text


def test_a_page_of_a_service_without_a_database_is_still_a_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    bob = desk.browser("bob")

    def away(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("away"))

    with monkeypatch.context() as broken:
        broken.setattr(Registry, "engine", property(away))
        answer = bob.get("/", headers=HTML)
    assert answer.status_code == 503
    assert Page(answer.text).faults == []
