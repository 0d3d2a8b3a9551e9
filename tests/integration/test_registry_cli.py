"""``dfpt model`` and ``dfpt audit`` as a person types them: words, JSON and exit codes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dfpt.cli.main import app
from dfpt.errors import DfptError
from dfpt.registry import actor, aliases, audit
from dfpt.registry.handle import open_registry
from dfpt.registry.store import open_store
from tests.unit.registry.tampering import tamper

pytest_plugins = "tests.mlflow_home"

Submit = Callable[..., Any]
PRODUCTION = """
four_eyes: true
people: {ada: [requester, approver], bob: [approver], carol: [admin]}
others: [viewer]
models: {elpv: {quorum: 1}}
"""


class Shell:
    """Types commands; ``code`` is the last one's exit code."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.code = 0

    def __call__(self, *arguments: str) -> str:
        done: Result = CliRunner().invoke(app, [*arguments, "--home", str(self.home)])
        self.code = done.exit_code
        if isinstance(done.exception, DfptError):  # main() turns it into this code
            self.code = done.exception.exit_code
            return str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture
def dfpt(home: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("COLUMNS", "200")
    return Shell(home)


def policy(home: Path, text: str = PRODUCTION) -> None:
    (home / "approvals.yaml").write_text(text)


def champion(home: Path) -> int:
    return aliases.pointed_at(open_registry(home).client, "elpv")["champion"]


def two_promoted(dfpt: Shell, submit: Submit) -> None:
    for version, weights in (("1", b"one"), ("2", b"two")):
        submit(weights)
        dfpt("model", "approve", "elpv", version, "--reason", f"good {version}", "--as", "bob")


def test_a_request_is_approved_rolled_back_and_told(dfpt: Shell, submit: Submit) -> None:
    two_promoted(dfpt, submit)

    said = dfpt("model", "rollback", "elpv", "--reason", "misses cracks", "--as", "carol")

    assert (dfpt.code, said.strip()) == (0, "elpv-production/1 is the champion again, by carol.")
    history = dfpt.json("model", "history", "elpv")
    assert [(one["production_version"], one["how"], one["by"], one["reason"]) for one in history] == [
        (1, "promoted", "bob", "good 1"),
        (2, "promoted", "bob", "good 2"),
        (1, "rolled back", "carol", "misses cracks"),
    ]
    for word in ("elpv-production/1", "rolled back by carol: misses cracks", "by bob: good 1", "SHA-256"):
        assert word in dfpt("model", "history", "elpv")
    assert "rolled back by carol" in dfpt("model", "show", "elpv/1")


def test_history_at_a_date_has_one_answer_or_none(dfpt: Shell, submit: Submit) -> None:
    two_promoted(dfpt, submit)
    first, second = dfpt.json("model", "history", "elpv")

    assert dfpt.json("model", "history", "elpv", "--at", second["at"]) == [second]
    assert dfpt.json("model", "history", "elpv-production", "--at", first["at"]) == [first]
    assert dfpt.json("model", "history", "elpv", "--at", "2000-01-01") == []
    assert "Nothing of elpv was in production" in dfpt("model", "history", "elpv", "--at", "2000-01-01")
    dfpt("model", "history", "other")
    assert dfpt.code == 2


def test_rollback_names_its_version_and_dry_run_changes_nothing(dfpt: Shell, submit: Submit, home: Path) -> None:
    two_promoted(dfpt, submit)

    assert "Would make elpv-production/1" in dfpt("model", "rollback", "elpv", "--reason", "x", "--dry-run")
    assert champion(home) == 2
    assert dfpt.json("model", "rollback", "elpv-production/1", "--reason", "x")["production_version"] == 1
    assert champion(home) == 1
    dfpt("model", "rollback", "elpv", "9", "--reason", "x")
    assert dfpt.code == 2


def test_a_withdrawn_request_is_asked_for_again(dfpt: Shell, submit: Submit) -> None:
    submit()

    assert dfpt.json("model", "withdraw", "elpv/1", "--reason", "wrong data", "--as", "ada")["state"] == "withdrawn"
    assert "Would ask" in dfpt("model", "request", "elpv/1", "--reason", "right after all", "--dry-run")
    assert dfpt.json("model", "request", "elpv/1", "--reason", "right after all")["state"] == "pending"
    assert dfpt.code == 4  # waiting for approval


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_what_the_policy_refuses_ends_with_3(dfpt: Shell, submit: Submit, home: Path, dry: list[str]) -> None:
    policy(home)
    submit(by="ada")

    said = dfpt("model", "approve", "elpv/1", "--reason", "mine", "--as", "ada", *dry)

    assert dfpt.code == 3
    assert "requested or trained" in said
    dfpt("model", "reject", "elpv/1", "--reason", "no", "--as", "eve", *dry)
    assert dfpt.code == 3
    dfpt("model", "rollback", "elpv", "--reason", "no", "--as", "eve", *dry)
    assert dfpt.code == 3


def test_an_approval_that_waits_for_another_ends_with_4(
    dfpt: Shell, submit: Submit, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(home, "quorum: 2")
    submit()

    said = dfpt("model", "approve", "elpv/1", "--reason", "good", "--as", "bob")

    assert (dfpt.code, "waits for another" in said) == (4, True)
    dfpt("model", "approve", "elpv/1", "--reason", "good", "--as", "somebody else of the same account")
    assert dfpt.code == 4
    monkeypatch.setattr(actor, "_account", lambda: "carol")
    assert "the champion; approved by bob, carol" in dfpt("model", "approve", "elpv/1", "--reason", "good")
    assert dfpt.code == 0


def test_an_emergency_says_so(dfpt: Shell, submit: Submit, home: Path) -> None:
    policy(home)
    submit(by="ada")

    said = dfpt("model", "approve", "elpv/1", "--reason", "line is down", "--as", "carol", "--emergency")

    assert "passed over in an emergency" in said
    assert "in an emergency" in dfpt("model", "history", "elpv")


def test_a_wrong_policy_file_is_wrong_usage(dfpt: Shell, submit: Submit, home: Path) -> None:
    submit()
    policy(home, "quorm: 2")

    said = dfpt("model", "list")

    assert (dfpt.code, "Did you mean 'quorum'" in said) == (2, True)


def test_a_sweep_says_what_it_did(dfpt: Shell, submit: Submit) -> None:
    submit()

    nothing = {"finished": [], "expired": [], "promoted": [], "refused": []}
    assert dfpt.json("model", "sweep") == nothing | {"dry_run": False}


def test_verify_is_content_or_names_the_first_bad_record(dfpt: Shell, submit: Submit, home: Path) -> None:
    two_promoted(dfpt, submit)
    assert "The log is intact: 6 records." in dfpt("audit", "verify")
    head = dfpt.json("audit", "verify")["head"]
    assert dfpt.code == 0
    dfpt("audit", "verify", "--since", f"6:{head}")
    assert dfpt.code == 0

    tamper(open_store(home).engine, "UPDATE audit SET reason = 'better' WHERE seq = 3")

    found = dfpt.json("audit", "verify")
    assert (dfpt.code, found["intact"], found["first_bad"]) == (3, False, 3)
    assert "Record 3 has been changed." in dfpt("audit", "verify")
    dfpt("audit", "verify", "--since", "nonsense")
    assert dfpt.code == 2


def test_the_log_is_exported_to_a_file_or_to_the_screen(dfpt: Shell, submit: Submit, tmp_path: Path) -> None:
    two_promoted(dfpt, submit)

    lines = dfpt("audit", "export").splitlines()
    dfpt("audit", "export", "--format", "csv", "--out", str(tmp_path / "log.csv"))

    assert [json.loads(line)["action"] for line in lines] == ["requested", "approved", "promoted"] * 2
    with (tmp_path / "log.csv").open(newline="") as stream:
        assert [row["action"] for row in csv.DictReader(stream)] == ["requested", "approved", "promoted"] * 2
    assert dfpt("audit", "key").startswith("-----BEGIN PUBLIC KEY-----")


def test_reconcile_ends_with_3_while_something_differs(dfpt: Shell, submit: Submit, home: Path) -> None:
    two_promoted(dfpt, submit)
    assert "as the log says" in dfpt("audit", "reconcile")
    open_registry(home).client.set_registered_model_alias("elpv-production", "champion", "1")

    assert "alias moved: champion: by the log 2, found 1" in dfpt("audit", "reconcile", "--dry-run")
    assert dfpt.code == 3
    policy(home, "reconcile: revert")
    assert "put right" in dfpt("audit", "reconcile")
    assert dfpt.code == 0
    assert champion(home) == 2
    assert audit.verify(open_store(home)).intact


@pytest.mark.parametrize("command", [["audit", "verify"], ["audit", "export"], ["model", "history", "elpv"]])
def test_a_folder_without_a_registry_is_named_and_stays_empty(tmp_path: Path, command: list[str]) -> None:
    shell = Shell(tmp_path / "absent")

    assert "no registry in" in shell(*command)

    assert shell.code == 2
    assert not shell.home.exists()


def test_the_commands_run_without_torch_and_reading_the_log_without_mlflow(home: Path, submit: Submit) -> None:
    submit()
    blocked = "import sys; sys.modules['torch'] = sys.modules['kfp'] = sys.modules['dvc'] = None; "
    run = "from dfpt.cli.main import main; sys.argv[1:] = {!r}; main()"
    for arguments, more in (
        (["model", "approve", "elpv/1", "--reason", "good"], ""),
        (["model", "history", "elpv"], "sys.modules['mlflow'] = None; "),
        (["audit", "verify"], "sys.modules['mlflow'] = None; "),
    ):
        code = blocked + more + run.format([*arguments, "--home", str(home)])
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
