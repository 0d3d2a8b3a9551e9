"""Evidence that is hostile, broken, missing, changed or about other images: said, never crashed, never believed."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from dfpt.approvals.pages.views import evidence
from dfpt.registry import artifacts, challenger
from tests.approval_evidence import CLASSES, PIXEL, Filer, against, evaluation, whole
from tests.approvals_service import ROLES, Desk, Open
from tests.html_page import Page

pytest_plugins = ("tests.approvals_service", "tests.approval_evidence")

HTML = {"Accept": "text/html"}
HOSTILE = "<script>alert('x')</script>\"'"


def read(desk: Desk, path: str = "/requests/1", person: str = "bob") -> Page:
    answer = desk.browser(person).get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    found = Page(answer.text)
    assert found.faults == []
    return found


def test_names_and_reasons_are_text_wherever_they_stand(open_desk: Open, file_request: Filer) -> None:
    desk = open_desk(ROLES.replace("others: []", "others: [viewer, requester, approver]"))
    report = evaluation()
    renamed = json.loads(json.dumps(report).replace(f'"{CLASSES[1]}"', json.dumps(HOSTILE)))
    files = whole(renamed | {"source": HOSTILE})
    index = json.loads(files["differences/index.json"])
    index["examples"][0] |= {"label": HOSTILE, "candidate": HOSTILE, "champion": HOSTILE}
    file_request(desk, files | {"differences/index.json": json.dumps(index).encode()}, by="mallory")
    desk.browser("bob").post("/requests/1/approve", data={"reason": HOSTILE})
    for path in ("/", "/requests/1", "/production", "/history", "/history?at=2030-01-01", "/audit"):
        found = read(desk, path)
        assert "<script>alert" not in found.html
        assert "<script>alert('x')" in found.text, path


@pytest.mark.parametrize(
    "path", ["/history?at=%3Cscript%3Ealert(1)%3C/script%3E", "/?done=%3Cscript%3E", "/login?next=//evil.example"]
)
def test_what_the_address_says_is_not_believed(desk: Desk, path: str) -> None:
    answer = desk.anybody().get(path) if "login" in path else desk.browser("bob").get(path, headers=HTML)
    assert "<script>alert" not in answer.text
    assert "evil.example" not in answer.text


REPORT = json.dumps(evaluation()).encode()
BROKEN = {
    "missing": ({}, "The candidate came without an evaluation report."),
    "no report": ({"gate.json": b"{}"}, "The candidate came without an evaluation report."),
    "no JSON": ({"report.json": b"\xff{"}, "does not have its format"),
    "a list": ({"report.json": b"[]"}, "does not have its format"),
    "a figure too little": ({"report.json": b'{"models": {}}'}, "does not have its format"),
    "edited": (
        {"report.json": json.dumps(evaluation()).replace('"accuracy": 0.9,', '"accuracy": 0.99,').encode()},
        "does not have its format",
    ),
    "a gate that is no gate": (
        {"report.json": json.dumps(evaluation()).encode(), "gate.json": b'{"checks": 3}'},
        "yet",
    ),
    "no gate": ({"report.json": json.dumps(evaluation()).encode()}, "no evidence that can be trusted"),
    "an index that is none": (whole() | {"differences/index.json": b"[]"}, "Nothing is in production yet"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_evidence_is_said(desk: Desk, file_request: Filer, case: str) -> None:
    files, said = BROKEN[case]
    file_request(desk, files)
    assert said in read(desk).text
    assert "elpv/1" in read(desk, "/").text


def test_changed_files_are_neither_shown_nor_offered_for_approval(desk: Desk, file_request: Filer) -> None:
    file_request(desk)
    (report,) = desk.registry.home.glob("made-up/1/evidence/report.json")
    report.write_text(json.dumps(evaluation(wrong=0)))
    found = read(desk)
    assert "The files have been changed since the request was filed." in found.text
    assert "100.0%" not in found.text
    assert not [form for form in found.forms if form.action.endswith("approve")]
    assert desk.browser("bob").get("/requests/1/evidence/report.json").status_code == 409


def test_files_that_are_gone_leave_the_request_readable(desk: Desk, file_request: Filer) -> None:
    file_request(desk)
    shutil.rmtree(desk.registry.home / "made-up" / "1")
    text = read(desk).text
    assert "do not answer just now" in text or "have been changed" in text
    assert "rita" in text
    assert "elpv/1" in read(desk, "/").text


def test_figures_on_other_images_are_marked_as_such(desk: Desk, file_request: Filer) -> None:
    file_request(desk, whole(evaluation(data_hash="f" * 64)))
    desk.browser("bob").post("/requests/1/approve", data={"reason": "good"})
    file_request(desk, whole(evaluation(), against(-0.2)))
    text = read(desk, "/requests/2").text
    assert "Worse than what is in production" in text
    assert "other images" in text
    assert "was measured on other images then" in text


@pytest.mark.parametrize(
    ("difference", "headline"),
    [(0.1, "Better than what"), (-0.1, "Worse than what"), (0.01, "No difference to production was shown")],
)
def test_the_headline_follows_the_interval(desk: Desk, file_request: Filer, difference: float, headline: str) -> None:
    file_request(desk, whole(champion=against(difference)))
    assert headline in read(desk).text


def test_a_champion_that_could_not_be_compared_is_no_better_or_worse(desk: Desk, file_request: Filer) -> None:
    file_request(desk, whole(champion={"version": 1, "error": "version 1 answers with other classes"}))
    text = read(desk).text
    assert "Could not be compared with production" in text
    assert "version 1 answers with other classes" in text


def test_evidence_is_served_as_files_that_run_nowhere(desk: Desk, file_request: Filer) -> None:
    file_request(desk)
    client = desk.browser("victor")
    picture = client.get("/requests/1/evidence/differences/differ-01.png")
    assert (picture.content, picture.headers["content-type"]) == (PIXEL, "image/png")
    html = client.get("/requests/1/evidence/gate.html")
    assert html.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in html.headers["content-security-policy"]
    assert html.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "../student/model.safetensors",
        "..%2Fstudent%2Fmodel.safetensors",
        "%2e%2e/student/model.safetensors",
        "/etc/passwd",
        "x",
    ],
)
def test_no_path_leads_out_of_the_evidence(desk: Desk, file_request: Filer, name: str) -> None:
    file_request(desk)
    assert desk.browser("bob").get(f"/requests/1/evidence/{name}").status_code == 404


def test_a_link_in_the_evidence_leads_nowhere_else(desk: Desk, file_request: Filer, tmp_path: Path) -> None:
    file_request(desk)
    (tmp_path / "secret.json").write_text('{"secret": 1}')
    folder = desk.registry.home / "made-up" / "1" / "evidence"
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    answer = desk.browser("bob").get("/requests/1/evidence/link.json")
    assert answer.status_code in (404, 409)
    assert "secret" not in answer.text.replace("link.json", "")


def test_a_comparison_on_new_images_stands_with_the_request_unless_it_was_changed(
    desk: Desk, file_request: Filer
) -> None:
    request = file_request(desk)
    report = {"images": 200, "agreement": {"value": 0.93, "low": 0.9, "high": 0.96}, "labelled": None}
    kept = challenger.attach(desk.registry, request, desk.actor("ada"), report, "<p>page</p>", "agrees on 93 %")
    found = read(desk)
    for said in ("Compared on new images", "200", "93.0%", "90.0% to 96.0%", "no labels", "by ada"):
        assert said in found.text
    (link,) = [link for link in found.links if link.endswith("shadow.html")]
    client = desk.browser("bob")
    assert client.get(link).headers["content-disposition"].startswith("attachment")
    assert client.get(link.replace("shadow.html", "model.onnx")).status_code == 404

    (kept / "shadow.html").write_text("<p>other</p>")
    assert "Its files are not what was attached" in read(desk).text
    assert client.get(link).status_code == 404


@pytest.mark.parametrize(
    ("licence", "said"),
    [("MIT", "MIT"), ("CC-BY-NC-SA-4.0", "not for commercial use"), ("unknown", "not stated unknown licence")],
)
def test_the_licence_of_the_data_is_said(desk: Desk, file_request: Filer, licence: str, said: str) -> None:
    file_request(desk, whole(evaluation() | {"data_licence": licence}))
    assert f"Licence of the data {said}" in read(desk).text.replace(f"{licence} not for", "not for")


def test_files_of_a_server_are_fetched_once_and_held_against_the_request_each_time(
    desk: Desk, file_request: Filer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = file_request(desk)
    registry = dataclasses.replace(desk.registry, uri="http://mlflow.example")
    far = SimpleNamespace(source="mlflow-artifacts:/1/models/m-1")
    monkeypatch.setattr(type(registry.client), "get_model_version", lambda *_: far)
    fetched: list[Path] = []

    def fetch(*_: object) -> Path:
        fetched.append(tmp_path / f"fetched-{len(fetched)}")
        shutil.copytree(registry.home / "made-up" / "1", fetched[-1])
        return fetched[-1]

    monkeypatch.setattr(artifacts, "local", fetch)
    assert [evidence.of_request(registry, request).state for _ in range(2)] == ["whole", "whole"]
    assert len(fetched) == 1
    assert not fetched[0].exists()
    (kept,) = (registry.home / "evidence").glob("*/evidence/report.json")
    kept.write_text("{}")
    assert evidence.of_request(registry, request).state == "changed"
