"""Every page, for every kind of person, in both languages: the right answer, whole, accessible, translated."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from dfpt.approvals.pages import catalogue
from tests.approval_evidence import Filer, against, evaluation, whole
from tests.approvals_service import Desk
from tests.html_page import Page

pytest_plugins = ("tests.approvals_service", "tests.approval_evidence")

PAGES = (
    "/",
    "/queue",
    "/requests/1",
    "/requests/2",
    "/production",
    "/production/elpv/rollback/1",
    "/history",
    "/history?at=2030-01-01",
    "/history/at?at=2030-01-01T10:00%2B09:00",
    "/history/at?at=yesterday",
    "/audit",
    "/audit?verify=yes",
    "/audit/verify",
    "/settings",
)
MISSING = (
    "/requests/99",
    "/production/elpv/rollback/7",
    "/production/other/rollback/1",
    "/nothing",
    "/static/secrets.py",
)
PEOPLE = ("victor", "rita", "ada", "bob", "carol")
ENGLISH = {
    str(message.id[0] if isinstance(message.id, tuple) else message.id).replace("%%", "%")
    for message in catalogue.read("ja")
    if message.id and message.string != message.id
}


def get(client: TestClient, path: str, language: str = "en") -> Page:
    answer = client.get(path, headers={"Accept-Language": language, "Accept": "text/html"})
    assert answer.status_code == 200, (path, answer.text)
    assert answer.headers["cache-control"] == "no-store"
    return Page(answer.text)


@pytest.fixture
def furnished(desk: Desk, file_request: Filer) -> Desk:
    """One version in production, one candidate that waits, with everything that evidence can hold."""
    first = file_request(desk)
    bob = desk.browser("bob")
    assert bob.post(f"/requests/{first.id}/approve", data={"reason": "looked at all"}).status_code == 303
    file_request(desk, whole(evaluation(wrong=3), against(0.04)))
    return desk


def test_every_page_is_whole_accessible_and_in_the_readers_language(furnished: Desk) -> None:
    for person in PEOPLE:
        client = furnished.browser(person)
        for path in PAGES:
            for language in ("en", "ja"):
                page = get(client, path, language)
                assert page.faults == [], (person, path, language)
                if language == "ja":
                    assert not ENGLISH & set(page.sentences), (path, ENGLISH & set(page.sentences))
                if "<html" in page.html:
                    assert next(page.attributes("html"))["lang"] == language


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_is_not_there_is_a_page_too(furnished: Desk, language: str) -> None:
    client = furnished.browser("bob")
    for path in MISSING:
        answer = client.get(path, headers={"Accept-Language": language, "Accept": "text/html"})
        assert answer.status_code == 404, path
        page = Page(answer.text)
        assert page.faults == []
        assert ("ページが見つかりません" if language == "ja" else "There is no such page") in page.text


def test_a_stranger_is_sent_to_the_entrance_and_comes_back(furnished: Desk) -> None:
    client = furnished.anybody()
    for path in PAGES:
        answer = client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login"), path
    login = client.get(answer.headers["location"], headers={"Accept": "text/html"})
    page = Page(login.text)
    assert page.faults == []
    assert page.form("/login").fields["next"] == "/settings"


def test_somebody_without_a_role_may_not_even_look(furnished: Desk) -> None:
    answer = furnished.browser("nobody").get("/requests/2", headers={"Accept": "text/html", "Accept-Language": "ja"})
    assert answer.status_code == 403
    assert Page(answer.text).faults == []
    assert "この操作は許可されていません" in answer.text


def test_a_token_opens_no_page_because_its_scopes_would_not_hold_there(furnished: Desk) -> None:
    client = furnished.program("bob")
    for path in PAGES:
        assert client.get(path).status_code == 403
    assert client.post("/requests/2/approve", data={"reason": "by a program"}).status_code == 403


def test_the_request_page_shows_all_that_the_evidence_holds(furnished: Desk) -> None:
    page = get(furnished.browser("bob"), "/requests/2")
    for said in (
        "Better than what is in production",
        "+4.0 points, 95 % interval +2.0 to +6.0",
        "only the candidate is right on 9 images, only the other on 4",
        "97.5%",
        "line=A",
        "They differ on 13 of 120 test images",
        "The largest likely loss of accuracy against the champion is none (it gains 2.0 points)",
        "folder:line-3",
    ):
        assert said in page.text, said
    assert "/requests/2/evidence/differences/differ-01.png" in [image["src"] for image in page.attributes("img")]


def test_the_queue_tells_how_long_who_and_against_what(furnished: Desk) -> None:
    text = get(furnished.browser("rita"), "/").text
    for said in ("elpv/2", "+4.0 points", "4 of 4", "by rita (you)", "in 4 weeks", "elpv/1", "looked at all"):
        assert said in text, said


def test_the_history_answers_for_a_day_and_for_a_moment(furnished: Desk) -> None:
    client = furnished.browser("victor")
    assert "elpv-production/1 since" in get(client, "/history/at?at=2030-01-01").text
    assert "nothing was in production" in get(client, "/history/at?at=2020-01-01").text
    assert "That is no date." in get(client, "/history/at?at=yesterday").text


def test_the_log_is_verified_on_the_page_and_can_be_taken_home(furnished: Desk) -> None:
    client = furnished.browser("victor")
    assert "The log is intact: 4 records" in get(client, "/audit/verify").text
    lines = client.get("/audit/export.jsonl")
    assert len(lines.text.splitlines()) == 4
    assert "attachment" in client.get("/audit/export.csv").headers["content-disposition"]


def test_a_long_log_is_read_page_by_page(desk: Desk, file_request: Filer) -> None:
    from dfpt.registry import requests

    request = file_request(desk)
    for number in range(60):
        requests.refused(desk.registry.store, request, desk.actor("bob"), "approval", f"try {number}")
    client = desk.browser("victor")
    first = get(client, "/audit")
    assert "61 records" in first.text
    assert "/audit?before=12" in first.links
    older = get(client, "/audit?before=12")
    assert "try 9" in older.text
    assert not [link for link in older.links if link.startswith("/audit?before")]
