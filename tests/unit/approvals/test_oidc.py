"""Sign-in at a provider that is a real server on loopback and signs real tokens; and everything that can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dfpt.approvals import accounts
from tests.approvals_service import Desk, Open, problem
from tests.unit.approvals.provider import CLIENT, SECRET, Provider

pytest_plugins = "tests.approvals_service"

POLICY = "people: {bob@example.com: [approver]}\nothers: [viewer]\n"
BOB = {"sub": "4711", "email": "bob@example.com", "email_verified": True, "name": "Bob"}
LIES = ["nonce", "no nonce", "audience", "issuer", "expired", "no subject", "signature", "no signature", "shared key"]


@pytest.fixture
def provider(served: Callable[[FastAPI], str]) -> Provider:
    found = Provider(dict(BOB))
    found.issuer = served(found.app())
    return found


@pytest.fixture
def desk(open_desk: Open, provider: Provider, tmp_path: Path) -> Desk:
    (tmp_path / "secret").write_text(SECRET + "\n")
    setting = {"issuer": provider.issuer, "client_id": CLIENT, "secret_file": tmp_path / "secret", "name": "Example"}
    return open_desk(POLICY, oidc=setting)


def leave(browser: TestClient, next: str = "/requests/7") -> str:
    """Press the button: where the provider is."""
    answer = browser.get("/oidc/login", params={"next": next})
    assert answer.status_code == 302
    return answer.headers["location"]


def at_provider(location: str) -> str:
    """Sign in there: the way back, without our host."""
    back = httpx.get(location).headers["location"]
    assert back.startswith("http://127.0.0.1:8080/oidc/callback?")
    return back.removeprefix("http://127.0.0.1:8080")


def signed_in(browser: TestClient) -> bool:
    return browser.get("/api/v1/me").status_code == 200


def test_a_person_comes_in_by_the_verified_address_and_its_roles(desk: Desk, provider: Provider) -> None:
    browser = desk.anybody()

    answer = browser.get(at_provider(leave(browser)))

    assert (answer.status_code, answer.headers["location"]) == (303, "/requests/7")
    me = browser.get("/api/v1/me").json()
    assert (me["name"], me["account"], me["roles"]) == ("bob@example.com", f"{provider.issuer}#4711", ["approver"])
    asked = provider.seen[0]
    assert len(asked["state"]) >= 20
    assert len(asked["nonce"]) >= 20
    assert asked["scope"] == "openid email profile"


def test_the_same_subject_is_the_same_person_under_a_new_address(desk: Desk, provider: Provider) -> None:
    for address in ("bob@example.com", "robert@example.com"):
        provider.person["email"] = address
        browser = desk.anybody()
        browser.get(at_provider(leave(browser)))
        assert browser.get("/api/v1/me").json()["name"] == address

    assert len(accounts.listed(desk.registry.engine)) == 1


@pytest.mark.parametrize("change", [{"email_verified": False}, {"email_verified": "true"}, {"email_verified": None}])
def test_an_address_that_nobody_verified_is_no_name(desk: Desk, provider: Provider, change: dict[str, object]) -> None:
    provider.person |= change
    browser = desk.anybody()

    browser.get(at_provider(leave(browser)))

    me = browser.get("/api/v1/me").json()
    assert (me["name"], me["roles"]) == (f"{provider.issuer}#4711", ["viewer"])


@pytest.mark.parametrize("name", ['"bob, ada"@example.com', "bob\n@example.com"])
def test_a_name_that_the_log_could_take_for_two_lets_nobody_in(desk: Desk, provider: Provider, name: str) -> None:
    provider.person["email"] = name
    browser = desk.anybody()

    answer = browser.get(at_provider(leave(browser)))

    assert problem(answer) == "sign-in-refused"
    assert not signed_in(browser)


@pytest.mark.parametrize("lie", [*LIES, "no id token"])
def test_a_token_that_breaks_one_promise_lets_nobody_in(desk: Desk, provider: Provider, lie: str) -> None:
    provider.lie = lie
    browser = desk.anybody()

    answer = browser.get(at_provider(leave(browser)))

    assert problem(answer) in ("provider", "sign-in-refused")
    assert not signed_in(browser)
    assert accounts.listed(desk.registry.engine) == []


def test_a_way_back_of_another_browser_or_with_another_state_is_refused(desk: Desk) -> None:
    victim, attacker = desk.anybody(), desk.anybody()
    back = at_provider(leave(attacker))

    assert problem(victim.get(back)) == "sign-in-refused"  # nothing began here
    leave(victim)
    assert problem(victim.get(back)) == "sign-in-refused"  # another sign-in did
    assert not signed_in(victim)


def test_a_way_back_works_once(desk: Desk) -> None:
    browser = desk.anybody()
    back = at_provider(leave(browser))
    attempt = browser.cookies["dfpt_attempt"]
    assert browser.get(back).status_code == 303

    again = desk.anybody(cookies={"dfpt_attempt": attempt})

    assert problem(again.get(back)) == "sign-in-refused"


def test_a_code_is_worth_nothing_without_the_browsers_verifier(desk: Desk) -> None:
    browser, thief = desk.anybody(), desk.anybody()
    stolen = parse_qs(urlsplit(at_provider(leave(browser))).query)["code"][0]
    state = parse_qs(urlsplit(leave(thief)).query)["state"][0]

    answer = thief.get("/oidc/callback", params={"code": stolen, "state": state})

    assert problem(answer) in ("provider", "sign-in-refused")
    assert not signed_in(thief)


def test_a_refusal_at_the_provider_is_said(desk: Desk) -> None:
    browser = desk.anybody()
    leave(browser)

    assert problem(browser.get("/oidc/callback", params={"error": "access_denied", "state": "x"})) == "sign-in-refused"


def test_a_closed_account_stays_out(desk: Desk) -> None:
    browser = desk.anybody()
    browser.get(at_provider(leave(browser)))
    accounts.disable(desk.registry.engine, "bob@example.com")

    assert not signed_in(browser)
    assert problem(browser.get(at_provider(leave(browser)))) == "sign-in-refused"


@pytest.mark.parametrize("next", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere_after_signing_in(desk: Desk, next: str) -> None:
    browser = desk.anybody()

    assert browser.get(at_provider(leave(browser, next))).headers["location"] == "/"


def test_a_provider_that_says_it_is_another_or_is_away_is_named(
    desk: Desk, provider: Provider, open_desk: Open
) -> None:
    provider.lie = "issuer of the metadata"
    assert problem(desk.anybody().get("/oidc/login")) == "provider"
    away = open_desk(POLICY, oidc={"issuer": "http://127.0.0.1:9", "client_id": CLIENT})
    assert problem(away.anybody().get("/oidc/login")) == "provider"


def test_without_a_provider_there_is_nothing_to_go_to(open_desk: Open) -> None:
    assert problem(open_desk().anybody().get("/oidc/login")) == "not-found"
