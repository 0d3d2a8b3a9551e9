"""Two languages: every message has both, no template speaks without the catalogue, and the reader's choice holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jinja2 import nodes

from dfpt.approvals import accounts
from dfpt.approvals.pages import catalogue, language, templating
from dfpt.approvals.pages.words import Words
from dfpt.config import Device, Thresholds
from dfpt.evaluation import rules
from dfpt.registry import policy
from dfpt.registry.policy_config import Role, Rules
from tests.approvals_service import Desk
from tests.html_page import Page

pytest_plugins = "tests.approvals_service"

TEMPLATES = Path(catalogue.__file__).parent / "templates"
HTML = {"Accept": "text/html"}
UNSPOKEN = {"dfpt", "Git", "MLflow", "v", "UTC", "SHA", "kB"}  # names, not words
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")


def test_every_message_has_its_japanese_and_none_is_left_over() -> None:
    wanted = {message.id for message in catalogue.extracted() if message.id}
    translated = {message.id: message for message in catalogue.read("ja") if message.id}
    assert set(translated) == wanted, "run python -m dfpt.approvals.pages.catalogue, then translate what is empty"
    assert [message.id for message in translated.values() if not message.string or message.fuzzy] == []


def test_a_translation_keeps_every_placeholder() -> None:
    for message in catalogue.read("ja"):
        source = message.id[-1] if isinstance(message.id, tuple) else message.id
        target = message.string[0] if isinstance(message.string, tuple) else message.string
        if source:
            assert sorted(PLACEHOLDER.findall(source)) == sorted(PLACEHOLDER.findall(target)), source
            assert source.count("%%") == target.count("%%"), source


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*.html")))
def test_no_template_speaks_without_the_catalogue(template: str) -> None:
    tree = templating.environment("en").parse((TEMPLATES / template).read_text(encoding="utf-8"))
    source = "".join(data.data for data in tree.find_all(nodes.TemplateData))
    attributes = re.findall(r'(?:alt|title|aria-label|placeholder|data-label)="([^"]*)"', source)
    text = re.sub(r"<[^>]*>|<[^>]*$|^[^<]*>|&\w+;", " ", source)
    words = set(re.findall(r"[A-Za-z]{2,}|[^\x00-\x7f\W]+", text + " " + " ".join(attributes)))
    assert words <= UNSPOKEN, words - UNSPOKEN


@pytest.mark.parametrize(
    ("setting", "cookie", "accept", "chosen"),
    [
        (None, None, None, "en"),
        (None, None, "ja", "ja"),
        (None, None, "ja-JP,ja;q=0.9,en;q=0.5", "ja"),
        (None, None, "en;q=0.3, ja;q=0.8", "ja"),
        (None, None, "fr, ja;q=0", "en"),
        (None, None, "ja;q=x,,;", "en"),
        (None, "ja", "en", "ja"),
        ("en", "ja", "ja", "en"),
        ("xx", "yy", "ja", "ja"),
    ],
)
def test_setting_goes_before_cookie_before_browser(
    setting: str | None, cookie: str | None, accept: str | None, chosen: str
) -> None:
    assert language.choose(setting, cookie, accept) == chosen


def test_accounts_and_pages_speak_the_same_languages() -> None:
    assert set(accounts.LANGUAGES) == set(catalogue.LANGUAGES)


def test_a_choice_is_kept_with_the_account_and_in_the_browser(desk: Desk) -> None:
    client = desk.browser("bob")
    form = Page(client.get("/settings", headers=HTML).text).form("/language")
    answer = client.post("/language", data=form.fields | {"language": "ja", "next": "/settings"}, headers=HTML)
    assert answer.headers["location"] == "/settings"
    assert "language=ja" in answer.headers["set-cookie"]
    elsewhere = desk.browser("bob").get("/settings", headers=HTML | {"Accept-Language": "en"})
    assert "表示言語" in elsewhere.text


def test_a_stranger_chooses_too_and_is_not_led_astray(desk: Desk) -> None:
    client = desk.anybody()
    form = Page(client.get("/login", headers=HTML).text).form("/language")
    answer = client.post("/language", data=form.fields | {"language": "ja", "next": "//evil.example"}, headers=HTML)
    assert answer.headers["location"] == "/"
    assert "サインイン" in client.get("/login", headers=HTML | {"Accept-Language": "en"}).text


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("elpv/7: Nobody approves what he or she requested or trained.", "elpv/7: 自分が申請または学習したモデルを"),
        ("promoted to elpv-production/3", "elpv-production/3 として本番に反映"),
        ("approval refused: Only an approver may approve.", "承認できませんでした: 承認は承認者だけが行えます。"),
        ("The accuracy is 90.0 %; at least 50.0 % is asked.", "正解率: 90.0 %(基準: 50.0 % 以上)"),
        (
            "The accuracy lost against the teacher is none (it gains 1.5 points); at most 10.0 points is asked.",
            "教師モデルに対する正解率の低下: なし(1.5 ポイント 向上)(基準: 10.0 ポイント 以下)",
        ),
        (
            "elpv/7 cannot be approved: its request is rejected.",
            "elpv/7 に対して「承認」はできません。申請の状態は「却下」です。",
        ),
    ],
)
def test_the_registrys_own_sentences_are_said_in_japanese(english: str, japanese: str) -> None:
    said, spoken = Words("ja").sentence(english)
    assert said.startswith(japanese)
    assert spoken == "ja"
    assert Words("en").sentence(english) == (english, "en")


def test_a_persons_reason_stays_as_it_was_written() -> None:
    for reason in ("misses cracks on line 3", "3 番ラインの割れを見逃す", "100 %s %(x)s"):
        assert Words("ja").sentence(reason) == (reason, "en")


def test_dates_and_figures_are_the_readers_and_utc_is_stated() -> None:
    at = datetime(2026, 11, 24, 20, 5, tzinfo=UTC)
    assert Words("en").moment(at) == "24 Nov 2026, 20:05 UTC"
    assert Words("ja").moment("2026-11-25T05:05:00+09:00") == "2026年11月24日 20:05 UTC"
    assert Words("ja").relative(at - timedelta(days=3), at) == "3 日前"
    assert Words("en").relative(at + timedelta(days=3), at) == "in 3 days"
    assert Words("en").points(-0.0123) == "−1.2"
    assert Words("en").points(0.0001) == "±0.0"
    assert Words("en").count(19810) == "19,810"


def test_what_the_gate_can_say_is_said_in_japanese() -> None:
    device = Device(max_latency_seconds=0.1, max_parameters=10, max_weights_bytes=10)
    asked = Thresholds(min_accuracy=0.5, min_slices={"line=A": 0.5}, min_under_corruption={"worst@3": 0.5})
    known = [*rules.RULES, *(rule for rule, _ in rules.asked(asked, device))]
    for rule in known:
        for sentence in (rule.meaning, f"The {rule.title} is 1.0 %; at least 2.0 % is asked."):
            said, spoken = Words("ja").sentence(sentence)
            assert spoken == "ja", sentence
            assert not re.search(r"\b(the|is|of|accuracy)\b", said), said


def test_what_the_policy_can_refuse_is_said_in_japanese() -> None:
    rulings = [
        policy.approval(Rules(**wish), frozenset(roles), own=True, approvals=0, now=datetime.now(UTC), emergency=urgent)
        for wish in ({}, {"four_eyes": True}, {"emergency": False})
        for roles in ([], [Role.APPROVER])
        for urgent in (False, True)
    ] + [policy.withdrawal(frozenset(), own) for own in (False, True)]
    refused = [ruling for ruling in rulings if not ruling.allowed]
    assert len({ruling.refusal for ruling in refused}) == 6
    for ruling in refused:
        assert [Words("ja").sentence(str(said))[1] for said in (ruling.refusal, ruling.remedy)] == ["ja", "ja"]
