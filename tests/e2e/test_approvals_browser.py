"""The approver's pages in a real browser: from a pipeline run to an approval by a second person and a rollback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI

from dfpt.approvals import accounts, links
from tests.approval_evidence import Filer, against, evaluation, whole
from tests.approvals_service import Desk
from tests.approvals_service import Open as OpenDesk
from tests.browser import Open, Reader

pytest_plugins = ("tests.approvals_service", "tests.approval_evidence", "tests.browser")
pytestmark = pytest.mark.slow

Serve = Callable[[FastAPI], str]
PASSWORD = "a lamp, a lens and a line"
POLICY = """
four_eyes: true
people:
  keiko: [viewer, approver]
  taro: [viewer, approver]
others: [viewer, requester]
"""
PAGES = {
    "queue": "/",
    "request": "/requests/2",
    "decided": "/requests/1",
    "production": "/production",
    "history": "/history?at=2030-01-01",
    "audit": "/audit?verify=yes",
    "settings": "/settings",
}


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_in_order_in_a_browser(
    desk: Desk, file_request: Filer, served: Serve, reader: Open, language: str, scheme: str
) -> None:
    file_request(desk)
    desk.browser("bob").post("/requests/1/approve", data={"reason": "looked at every miss"})
    file_request(desk, whole(evaluation(wrong=3), against(0.04)))
    accounts.add(desk.registry.engine, "mika", PASSWORD)
    policy = desk.registry.home / "approvals.yaml"
    policy.write_text(policy.read_text().replace("people:", "people:\n  mika: [viewer, approver, admin]"))
    mika = reader(served(desk.app), language, color_scheme=scheme)
    mika.open("/login")
    mika.look(f"login-{scheme}")
    mika.sign_in("mika", PASSWORD)
    for name, path in PAGES.items():
        mika.open(path)
        mika.look(f"{name}-{scheme}")


def test_parts_of_a_page_are_renewed_without_loading_it(
    desk: Desk, file_request: Filer, served: Serve, reader: Open
) -> None:
    file_request(desk)
    accounts.add(desk.registry.engine, "bob", PASSWORD)
    bob = reader(served(desk.app))
    bob.sign_in("bob", PASSWORD)
    bob.open("/audit")
    bob.page.evaluate("window.same = true")
    bob.page.click("text=Verify the whole log")
    bob.page.wait_for_selector("#verified >> text=The log is intact: 1 record")
    assert bob.page.evaluate("window.same") is True
    bob.look("verified")
    bob.open("/history")
    bob.page.fill("#at", "yesterday")
    bob.page.press("#at", "Enter")
    bob.page.wait_for_selector("#answer >> text=That is no date.")
    bob.open("/")
    file_request(desk)
    bob.page.evaluate("htmx.ajax('GET', '/queue', '#queue')")
    bob.page.wait_for_selector("#queue >> text=elpv/2")


def test_a_decision_needs_no_script(desk: Desk, file_request: Filer, served: Serve, reader: Open) -> None:
    file_request(desk)
    accounts.add(desk.registry.engine, "bob", PASSWORD)
    bob = reader(served(desk.app), java_script_enabled=False)
    bob.open("/login")
    bob.page.fill("#name", "bob")
    bob.page.fill("#password", PASSWORD)
    bob.page.click("main form button")
    bob.page.click("text=Review")
    bob.page.fill("#approve-reason", "looked at every miss")
    bob.page.click("button.approve")
    assert "Approved and promoted" in bob.page.inner_text("[role=status]")
    bob.open("/audit")
    bob.page.click("text=Verify the whole log")
    assert "The log is intact" in bob.page.inner_text("#verified")


def run_pipeline(home: Path, *settings: str) -> None:
    """A real run on real digits; it ends with a request that waits."""
    command = [sys.executable, "-m", "dfpt.cli.main", "run", "--home", str(home), "--data", "digits"]
    command += ["--profile", "smoke"]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, env=os.environ)
    assert done.returncode == 4, done.stdout[-2000:] + done.stderr[-2000:]


def approve_with_the_keyboard(person: Reader, reason: str) -> None:
    person.tab_to("a.button[href^='/requests/']")
    person.page.keyboard.press("Enter")
    person.page.wait_for_selector("#verdict")
    person.look("real-request")
    person.tab_to("#approve-reason")
    person.page.keyboard.type(reason)
    person.tab_to("button.approve")
    person.page.keyboard.press("Enter")
    person.page.wait_for_selector("[role=status]")


@pytest.mark.story
def test_from_a_pipeline_run_to_an_approval_by_a_second_person_and_a_rollback(
    home: Path, open_desk: OpenDesk, served: Serve, reader: Open
) -> None:
    run_pipeline(home)
    desk = open_desk(POLICY)
    url = served(desk.app)
    first = links.first(desk.registry.engine, desk.app.state.service.settings)
    assert first is not None

    keiko = reader(url, "en")
    keiko.open("/setup/" + first.rpartition("/")[2])
    keiko.look("real-setup")
    keiko.page.fill("#name", "keiko")
    keiko.page.fill("#password", PASSWORD)
    keiko.page.press("#password", "Enter")
    keiko.page.wait_for_selector("#queue")
    keiko.look("real-queue")
    approve_with_the_keyboard(keiko, "looked at every confusion")
    assert "it is in production now" in keiko.page.inner_text("[role=status]")

    run_pipeline(home, "student.recipe.epochs=8")
    accounts.add(desk.registry.engine, "taro", PASSWORD)
    taro = reader(url, "ja")
    taro.sign_in("taro", PASSWORD)
    taro.look("real-queue")
    approve_with_the_keyboard(taro, "誤判定をすべて確認しました")
    assert "本番に反映されました" in taro.page.inner_text("[role=status]")
    taro.look("real-promoted")

    taro.open("/production")
    taro.look("real-production")
    taro.page.click("a.button[href$='/rollback/1']")
    taro.page.wait_for_selector("#rollback-reason")
    taro.look("real-rollback")
    taro.page.fill("#rollback-reason", "3 番ラインで誤検出")
    taro.page.click("button.danger")
    taro.page.wait_for_selector("[role=status]")
    assert "digits-production/1" in taro.page.inner_text("h2")
    keiko.open("/history")
    keiko.look("real-history")
    assert "3 番ラインで誤検出" in keiko.page.inner_text("main")
    keiko.open("/audit?verify=yes")
    assert "The log is intact" in keiko.page.inner_text("#verified")
