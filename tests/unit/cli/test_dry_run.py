"""A dry run says what the command then does, and leaves every file of the state folder as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dfpt.cli.main import app
from dfpt.errors import UsageError
from dfpt.registry import policy_config, requests
from dfpt.registry.actor import Actor
from dfpt.registry.store import open_store
from tests.unchanged import unchanged

Said = Callable[..., Any]


@pytest.fixture
def said(tmp_path: Path) -> Said:
    """The JSON of a command on the test's state folder."""

    def said(*words: str, exit_code: int = 0) -> Any:
        done = CliRunner().invoke(app, [*words, "--json", "--home", str(tmp_path / "home")])
        assert done.exit_code == exit_code, done.output or repr(done.exception)
        return json.loads(done.stdout)

    return said


@pytest.fixture
def rehearsed(said: Said, tmp_path: Path) -> Said:
    """A dry run, then the deed; what both say. Only what is drawn by lot or by the clock may differ."""

    def rehearsed(*words: str) -> Any:
        with unchanged(tmp_path / "home"):
            expected = said(*words, "--dry-run")
        done = said(*words)
        assert (expected.pop("dry_run"), done.pop("dry_run")) == (True, False)
        assert expected.keys() == done.keys()
        differs = {key for key in done if expected[key] not in (None, done[key]) and not key.endswith("_at")}
        assert differs == set()
        return expected

    return rehearsed


def test_accounts_and_tokens(rehearsed: Said, said: Said, tmp_path: Path) -> None:
    with unchanged(tmp_path):
        assert said("approvals", "user", "add", "ada", "--dry-run")["name"] == "ada"
        assert not (tmp_path / "home").exists()
    open_store(tmp_path / "home")  # as a run leaves it: the service's tables are not there yet

    new = rehearsed("approvals", "user", "add", "ada")
    assert (new["link"], new["subject"]) == (None, None)
    token = rehearsed("approvals", "token", "create", "ada", "--label", "ci", "--scope", "read")
    assert (token["secret"], token["id"], token["scopes"]) == (None, None, ["read"])
    assert rehearsed("approvals", "user", "disable", "ada")["disabled"] is True
    assert rehearsed("approvals", "user", "enable", "ada")["disabled"] is False
    assert rehearsed("approvals", "token", "revoke", "1")["revoked"] is True


@pytest.mark.parametrize(
    "words",
    [
        ("user", "add", "ada"),
        ("user", "add", "a/b"),
        ("user", "disable", "bob"),
        ("token", "create", "bob", "--label", "ci", "--scope", "read"),
        ("token", "create", "ada", "--label", "ci", "--scope", "everything"),
        ("token", "revoke", "7"),
    ],
)
def test_what_would_be_refused_is_refused_in_the_same_words(words: tuple[str, ...], said: Said, tmp_path: Path) -> None:
    said("approvals", "user", "add", "ada")
    with unchanged(tmp_path / "home"):
        first, second = (
            CliRunner().invoke(app, ["approvals", *words, *more, "--home", str(tmp_path / "home")]).exception
            for more in (["--dry-run"], [])
        )
    assert isinstance(first, UsageError)
    assert str(first) == str(second)


CHANNEL = "{kind: webhook, url: 'http://127.0.0.1:1', secret: {env: H}}"


def test_messages(said: Said, tmp_path: Path) -> None:
    home = tmp_path / "home"
    requests.file(open_store(home), "elpv", 1, "w" * 64, "a" * 64, Actor("ada", "a"))
    (home / policy_config.FILE).write_text(f"notifications: {{attempts: 1, channels: {{hook: {CHANNEL}}}}}")
    with unchanged(home):
        (item,) = said("notifications", "send", "--dry-run")["would_try"]
    assert (item["channel"], item["event"], item["attempts"]) == ("hook", "request", 0)
    assert said("notifications", "send") == {"delivered": 0, "postponed": 0, "given_up": 1}
    (kept,) = said("notifications", "list")
    assert kept["id"] == item["id"]
    with unchanged(home):
        assert said("notifications", "send", "--dry-run")["would_try"] == []
        again = said("notifications", "retry", str(kept["id"]), "--dry-run")
    assert again == said("notifications", "retry", str(kept["id"])) | {"dry_run": True}
    with unchanged(home):
        refused = CliRunner().invoke(app, ["notifications", "retry", "9", "--dry-run", "--home", str(home)]).exception
    assert isinstance(refused, UsageError)


SCHEDULES = """
runs_per_week: {week}
triggers:
  digits: {{kind: data, source: digits, cooldown_hours: 0}}
  old: {{kind: age, model: elpv, days: 90, run: {{profile: smoke}}}}
  older: {{kind: age, model: cells, days: 90, run: {{profile: smoke}}}}
  lost: {{kind: data, source: "folder:/no/such/folder"}}
"""


def test_triggers(said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dfpt.registry import history

    class Champion:
        production_version, record = 3, 7
        at = (datetime.now(UTC) - timedelta(days=100)).isoformat()

    monkeypatch.setattr(history, "current", lambda engine, name: Champion())
    file = tmp_path / "schedules.yaml"
    file.write_text(SCHEDULES.format(week=1))
    poll = ("triggers", "poll", "--file", str(file))

    with unchanged(tmp_path):
        assert said(*poll, "--dry-run", exit_code=1)["old"] == "filed"
        assert not (tmp_path / "home").exists()
    open_store(tmp_path / "home")
    for expected in (("baseline", "filed", "budget"), ("duplicate", "duplicate", "budget")):
        with unchanged(tmp_path / "home"):
            planned = said(*poll, "--dry-run", exit_code=1)
        assert planned == said(*poll, exit_code=1)
        assert "no/such/folder" in planned.pop("lost")
        assert tuple(planned.values()) == expected
    assert len(said("triggers", "list")) == 1
