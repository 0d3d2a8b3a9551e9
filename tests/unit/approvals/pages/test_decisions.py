"""The forms: what each kind of person is offered, and what becomes of what he or she sends."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from dfpt.registry import history
from dfpt.registry.database import State
from tests.approval_evidence import Filer
from tests.approvals_service import ROLES, Desk, Open
from tests.html_page import Page

pytest_plugins = ("tests.approvals_service", "tests.approval_evidence")

HTML = {"Accept": "text/html"}


def page(client: TestClient, path: str) -> Page:
    return Page(client.get(path, headers=HTML).text)


def send(client: TestClient, at: str, action: str, **filled: Any) -> httpx.Response:
    """Fill in a form of a page as a browser without scripts does, and send it."""
    form = page(client, at).form(action)
    assert form.method == "post"
    del client.headers["X-CSRF-Token"]  # a form carries its own
    answer = client.post(action, data=form.fields | filled, headers=HTML)
    client.headers["X-CSRF-Token"] = form.fields["csrf_token"]
    return answer


def offered(client: TestClient, at: str) -> set[str]:
    return {form.action.rpartition("/")[2] for form in page(client, at).forms} - {"language", "logout"}


def state(desk: Desk, number: int) -> str:
    from dfpt.approvals.pages.views.request import by_id

    return by_id(desk.registry, number).state


OFFERED = {
    "victor": set(),
    "rita": {"withdraw"},
    "ada": {"approve", "reject"},
    "bob": {"approve", "reject"},
    "carol": {"approve", "withdraw"},  # in an emergency
}


def test_everybody_is_offered_what_the_policy_allows(desk: Desk, file_request: Filer) -> None:
    file_request(desk, by="rita")
    assert {person: offered(desk.browser(person), "/requests/1") for person in OFFERED} == OFFERED


def test_who_asked_is_told_why_there_is_no_approval(desk: Desk, file_request: Filer) -> None:
    file_request(desk, by="ada")
    ada = desk.browser("ada")
    assert offered(ada, "/requests/1") == {"reject", "withdraw"}
    assert "Nobody approves what he or she requested or trained. Ask another approver." in page(ada, "/requests/1").text
    assert ada.post("/requests/1/approve", data={"reason": "mine"}, headers=HTML).status_code == 403
    assert state(desk, 1) == State.PENDING


def test_a_second_person_approves_and_it_is_in_production(desk: Desk, file_request: Filer) -> None:
    file_request(desk, by="ada")
    bob = desk.browser("bob")
    answer = send(bob, "/requests/1", "/requests/1/approve", reason="looked at every miss")
    assert (answer.status_code, answer.headers["location"]) == (303, "/requests/1?done=approved")
    text = page(bob, answer.headers["location"]).text
    assert "Approved and promoted: it is in production now." in text
    assert "Decided by bob" in text
    assert offered(bob, "/requests/1") == set()
    assert "elpv-production/1" in page(bob, "/production").text


@pytest.mark.parametrize(("deed", "person", "after"), [("reject", "bob", "rejected"), ("withdraw", "ada", "withdrawn")])
def test_no_and_never_mind(desk: Desk, file_request: Filer, deed: str, person: str, after: str) -> None:
    file_request(desk, by="ada")
    client = desk.browser(person)
    answer = send(client, "/requests/1", f"/requests/1/{deed}", reason="misses cracks")
    assert answer.headers["location"] == f"/requests/1?done={after}"
    assert state(desk, 1) == after
    assert "misses cracks" in page(client, "/requests/1").text


@pytest.mark.parametrize("deed", ["approve", "reject", "withdraw"])
def test_a_decision_without_a_reason_is_none(desk: Desk, file_request: Filer, deed: str) -> None:
    file_request(desk, by="ada")
    person = "ada" if deed == "withdraw" else "bob"
    answer = send(desk.browser(person), "/requests/1", f"/requests/1/{deed}", reason="  ")
    assert answer.status_code == 422
    assert "A decision needs a reason." in Page(answer.text).text
    assert state(desk, 1) == State.PENDING


def test_a_form_of_another_session_decides_nothing(desk: Desk, file_request: Filer) -> None:
    file_request(desk)
    bob = desk.browser("bob")
    del bob.headers["X-CSRF-Token"]
    for token in (
        "",
        "0" * 64,
        page(desk.browser("ada"), "/requests/1").form("/requests/1/approve").fields["csrf_token"],
    ):
        answer = bob.post("/requests/1/approve", data={"reason": "x", "csrf_token": token}, headers=HTML)
        assert answer.status_code == 403
    assert state(desk, 1) == State.PENDING


def test_who_comes_second_reads_that_somebody_was_quicker(desk: Desk, file_request: Filer) -> None:
    file_request(desk)
    ada, bob = desk.browser("ada"), desk.browser("bob")
    form = page(ada, "/requests/1").form("/requests/1/approve")
    send(bob, "/requests/1", "/requests/1/reject", reason="misses cracks")
    late = ada.post("/requests/1/approve", data=form.fields | {"reason": "fine"}, headers=HTML)
    assert late.status_code == 409
    assert "Somebody may have been quicker" in Page(late.text).text
    assert state(desk, 1) == State.REJECTED


def test_a_form_about_an_older_request_does_not_decide_the_newer_one(desk: Desk, file_request: Filer) -> None:
    from dfpt.registry import candidates

    first = file_request(desk)
    send(desk.browser("rita"), "/requests/1", "/requests/1/withdraw", reason="wait")
    version = desk.registry.client.get_model_version(first.name, str(first.version))
    again = candidates.request(desk.registry, version, desk.actor("rita"))
    assert desk.browser("bob").post("/requests/1/approve", data={"reason": "old"}, headers=HTML).status_code == 409
    assert state(desk, again.id) == State.PENDING
    assert f"/requests/{again.id}" in page(desk.browser("bob"), "/requests/1").links


def test_two_of_two_must_approve(open_desk: Open, file_request: Filer) -> None:
    desk = open_desk(ROLES + "quorum: 2\n")
    file_request(desk)
    ada, bob = desk.browser("ada"), desk.browser("bob")
    answer = send(ada, "/requests/1", "/requests/1/approve", reason="fine by me")
    assert answer.headers["location"] == "/requests/1?done=voted"
    text = page(ada, "/requests/1").text
    assert "1 of 2 approvals" in text
    assert "You have approved." in text
    assert "fine by me" in page(bob, "/requests/1").text
    send(bob, "/requests/1", "/requests/1/approve", reason="by me too")
    assert state(desk, 1) == State.PROMOTED


def test_a_freeze_window_is_named_and_an_admin_may_pass_over_it(open_desk: Open, file_request: Filer) -> None:
    frozen = "freeze: {year-end: {starts: 2020-01-01 00:00, ends: 2099-01-01 00:00}}\n"
    desk = open_desk(ROLES + frozen)
    file_request(desk)
    assert "Nothing is promoted during year-end." in page(desk.browser("bob"), "/requests/1").text
    carol = desk.browser("carol")
    answer = send(carol, "/requests/1", "/requests/1/approve", reason="line 3 stands still", emergency="yes")
    assert answer.status_code == 303
    assert "emergency" in page(carol, "/production").text


def test_a_rollback_shows_both_versions_and_is_undone_by_another(desk: Desk, file_request: Filer) -> None:
    bob = desk.browser("bob")
    for number in (1, 2):
        file_request(desk)
        send(bob, f"/requests/{number}", f"/requests/{number}/approve", reason=f"good {number}")
    where = "/production/elpv/rollback/1"
    assert where in page(bob, "/production").links
    text = page(bob, where).text
    assert text.index("elpv-production/2") < text.index("In production afterwards") < text.index("elpv-production/1")
    answer = send(bob, where, where, reason="false alarms on line 3")
    assert answer.headers["location"] == "/production?done=rolled-back"
    current = history.current(desk.registry.engine, "elpv")
    assert current is not None
    assert (current.production_version, current.reason) == (1, "false alarms on line 3")
    assert "/production/elpv/rollback/2" in page(bob, "/production").links
    assert page(bob, "/production/elpv/rollback/1").form("/language")  # already there: no form but the language
    assert offered(bob, "/production/elpv/rollback/1") == set()


def test_a_viewer_neither_sees_nor_may_roll_back(desk: Desk, file_request: Filer) -> None:
    for number in (1, 2):
        file_request(desk)
        send(desk.browser("bob"), f"/requests/{number}", f"/requests/{number}/approve", reason="good")
    victor = desk.browser("victor")
    assert not [link for link in page(victor, "/production").links if "rollback" in link]
    assert victor.post("/production/elpv/rollback/1", data={"reason": "x"}, headers=HTML).status_code == 403


def test_an_alias_moved_by_hand_is_told_on_the_production_page(desk: Desk, file_request: Filer) -> None:
    from dfpt.registry import reconcile

    bob = desk.browser("bob")
    for number in (1, 2):
        file_request(desk)
        send(bob, f"/requests/{number}", f"/requests/{number}/approve", reason="good")
    desk.registry.client.set_registered_model_alias("elpv-production", "champion", "1")
    reconcile.reconcile(desk.registry, desk.actor("carol"))
    text = page(bob, "/production").text
    assert "Production is not as the log says." in text
    assert "an alias was moved behind the log's back: champion" in text


def test_a_damaged_log_is_told_on_the_audit_page_and_stops_approvals(desk: Desk, file_request: Filer) -> None:
    from sqlalchemy import text

    file_request(desk)
    with desk.registry.engine.execution_options(dfpt_write=True).begin() as connection:
        for trigger in (
            connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        ):
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(text("UPDATE audit SET reason = 'never' WHERE seq = 1"))
    bob = desk.browser("bob")
    assert "Record 1 has been changed." in page(bob, "/audit?verify=yes").text
    assert bob.post("/requests/1/approve", data={"reason": "x"}, headers=HTML).status_code == 409
