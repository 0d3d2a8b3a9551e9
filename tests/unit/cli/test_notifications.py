from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from dfpt.cli.notifications import app
from dfpt.errors import UsageError
from dfpt.registry import policy_config, requests
from dfpt.registry.actor import Actor
from dfpt.registry.store import open_store

POLICY = "notifications: {attempts: 1, channels: {hook: {kind: webhook, url: 'http://127.0.0.1:1', secret: {env: H}}}}"


def test_what_could_not_be_told_is_listed_and_can_be_tried_again(tmp_path: Path) -> None:
    requests.file(open_store(tmp_path), "elpv", 1, "w" * 64, "a" * 64, Actor("ada", "a"))
    (tmp_path / policy_config.FILE).write_text(POLICY)
    at = ["--home", str(tmp_path)]
    assert CliRunner().invoke(app, ["list", *at]).stdout == "Nothing was to be told yet.\n"
    sent = CliRunner().invoke(app, ["send", "--json", *at])
    assert json.loads(sent.stdout) == {"delivered": 0, "postponed": 0, "given_up": 1}
    (item,) = json.loads(CliRunner().invoke(app, ["list", "--json", *at]).stdout)
    assert (item["event"], item["channel"], item["state"], item["record"]) == ("request", "hook", "given up", 1)
    assert "environment variable H" in item["last_error"]
    assert "given up" in CliRunner().invoke(app, ["list", *at]).stdout
    CliRunner().invoke(app, ["retry", str(item["id"]), "--dry-run", *at])
    assert json.loads(CliRunner().invoke(app, ["list", "--json", *at]).stdout)[0]["state"] == "given up"
    CliRunner().invoke(app, ["retry", str(item["id"]), *at])
    assert json.loads(CliRunner().invoke(app, ["list", "--json", *at]).stdout)[0]["state"] == "waiting"


def test_without_a_registry_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert isinstance(CliRunner().invoke(app, ["send", "--home", str(tmp_path)]).exception, UsageError)
