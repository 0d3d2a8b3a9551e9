"""``dfpt model`` over the service says and ends as it does on the registry here; ``dfpt approvals`` lets people in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from mlflow import MlflowException
from typer.testing import CliRunner

from dfpt.approvals import worker
from dfpt.approvals.client import Client
from dfpt.approvals.tokens import Scope
from dfpt.cli.main import app
from dfpt.errors import DfptError, StepFailed
from dfpt.registry import actor, deployment, requests
from tests.approvals_service import Desk, Open

pytest_plugins = "tests.approvals_service"

POLICY = """
four_eyes: true
people: {ada: [requester, approver], bob: [approver], carol: [admin], eve: [viewer]}
others: []
"""


class Shell:
    """Types commands as a person; over the service at ``url``, or on ``home``."""

    def __init__(self, desk: Desk, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk, self.url, self._patch = desk, url, monkeypatch

    def run(self, *words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*words])
        if isinstance(done.exception, DfptError):
            return done.exception.exit_code, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout

    def remote(self, person: str, *words: str) -> tuple[int, str]:
        self._patch.setenv("DFPT_APPROVALS_TOKEN", self.desk.token(person))
        return self.run(*words, "--server", self.url)

    def local(self, person: str, *words: str) -> tuple[int, str]:
        self._patch.setattr(actor, "_account", lambda: person)  # each person has an account of his or her own
        return self.run(*words, "--home", str(self.desk.registry.home))


@pytest.fixture
def shell(open_desk: Open, served: Callable[[FastAPI], str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    desk = open_desk(POLICY)
    return Shell(desk, served(desk.app), monkeypatch)


# What is typed, by whom; {n} is a candidate that ada asked for.
TYPED: list[tuple[str, tuple[str, ...]]] = [
    ("bob", ("approve", "elpv/{n}", "--reason", "good", "--dry-run")),
    ("ada", ("approve", "elpv/{n}", "--reason", "mine")),
    ("eve", ("approve", "elpv/{n}", "--reason", "no right")),
    ("bob", ("approve", "elpv/{n}", "--reason", "good")),
    ("bob", ("approve", "elpv/{n}", "--reason", "again")),
    ("bob", ("approve", "elpv/{n}", "--reason", "good")),
    ("bob", ("rollback", "elpv", "--reason", "misses cracks", "--dry-run")),
    ("bob", ("rollback", "elpv", "--reason", "misses cracks")),
    ("bob", ("rollback", "elpv-production/9", "--reason", "none")),
    ("eve", ("rollback", "elpv", "--reason", "no right")),
    ("bob", ("reject", "elpv/{n}", "--reason", "bad")),
    ("bob", ("reject", "elpv/{n}", "--reason", "again")),
    ("ada", ("withdraw", "elpv/{n}", "--reason", "wrong data")),
    ("ada", ("request", "elpv/{n}", "--reason", "right after all")),
    ("bob", ("request", "elpv/{n}", "--reason", "no right")),
    ("carol", ("approve", "elpv/{n}", "--reason", "line is down", "--emergency")),
    ("bob", ("approve", "elpv/99", "--reason", "none")),
    ("bob", ("reject", "elpv/{n}", "--reason", " ")),
    ("bob", ("history", "elpv")),
    ("bob", ("history", "nothing")),
    ("bob", ("history", "elpv", "--at", "yesterday")),
]
CANDIDATES = [1, 1, 1, 1, 1, 2, 0, 0, 0, 0, 3, 3, 4, 4, 4, 4, 0, 4, 0, 0, 0]


def test_the_same_words_give_the_same_answer_and_exit_code_here_and_over_the_service(shell: Shell) -> None:
    told = []
    for model, ask in (("one", shell.local), ("two", shell.remote)):
        for _ in range(4):
            shell.desk.submit("ada", model)
        answers = []
        for (person, words), number in zip(TYPED, CANDIDATES, strict=True):
            typed = [word.format(n=number).replace("elpv", model) for word in words]
            code, said = ask(person, "model", *typed)
            answers.append((typed[0], code, said.replace(f"{model}/", "elpv/").replace(f"{model}-", "elpv-")))
        told.append(answers)

    codes = [code for _, code, _ in told[0]]
    assert codes == [0, 3, 3, 0, 0, 0, 0, 0, 2, 3, 0, 2, 0, 4, 3, 0, 2, 2, 0, 2, 2]
    for here, there in zip(*told, strict=True):
        if here[0] == "history" and here[1] == 0:
            assert here[2].count("\n") == there[2].count("\n") == 16
        else:
            assert here == there


def test_json_over_the_service_is_that_of_the_registry(shell: Shell) -> None:
    shell.desk.submit("ada")

    _, said = shell.remote("bob", "model", "approve", "elpv/1", "--reason", "good", "--json")
    _, history = shell.remote("bob", "model", "history", "elpv", "--json")

    found = json.loads(said)
    assert (found["state"], found["decided_by"], found["production_version"]) == ("promoted", "bob", 1)
    assert found["dry_run"] is False
    assert json.loads(history)[0]["approved_by"] == ["bob"]
    (record,) = [one for one in requests.log(shell.desk.registry.engine, "elpv", 1) if one.action == "approved"]
    assert (record.actor, record.account, record.origin) == ("bob", shell.desk.actor("bob").account, "127.0.0.1")


def test_the_environment_names_the_service_and_what_is_missing_is_said(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFPT_APPROVALS_URL", shell.url)
    code, said = shell.run("model", "approve", "elpv/1", "--reason", "x")
    assert (code, "DFPT_APPROVALS_TOKEN" in said) == (2, True)
    monkeypatch.setenv("DFPT_APPROVALS_TOKEN", "dfpt_wrong")
    assert shell.run("model", "approve", "elpv/1", "--reason", "x")[0] == 2
    monkeypatch.setenv("DFPT_APPROVALS_TOKEN", shell.desk.token("bob", Scope.READ))
    code, said = shell.run("model", "approve", "elpv/1", "--reason", "x")
    assert (code, "not for approve" in said) == (3, True)
    code, said = shell.run("model", "approve", "elpv/1", "--reason", "x", "--as", "carol")
    assert (code, "token says who" in said) == (2, True)
    monkeypatch.setenv("DFPT_APPROVALS_URL", "http://127.0.0.1:9")
    code, said = shell.run("model", "approve", "elpv/1", "--reason", "x")
    assert (code, "does not answer" in said) == (1, True)


def test_the_client_for_python_reads_and_decides(shell: Shell) -> None:
    request = shell.desk.submit("ada")

    with Client(shell.url, shell.desk.token("bob")) as client:
        assert client.me()["roles"] == ["approver"]
        assert [one["id"] for one in client.requests(state="pending")] == [request.id]
        assert client.approve("elpv", request.version, "good").shown["state"] == "promoted"
        assert {one["name"] for one in client.models()} == {"elpv", "elpv-production"}
        assert [one.production_version for one in client.history("elpv")] == [1]
    with Client(f"{shell.url}/elsewhere", "x") as lost, pytest.raises(DfptError):
        lost.me()
    with Client(shell.url, "x") as closed:
        pass
    with pytest.raises((StepFailed, RuntimeError)):
        closed.me()


def test_accounts_and_tokens_by_the_shell(shell: Shell) -> None:
    home = ("--home", str(shell.desk.registry.home))

    def made(*words: str) -> Any:
        code, said = shell.run("approvals", *words, *home, "--json")
        assert code == 0, said
        return json.loads(said)

    assert made("user", "add", "dora")["link"].startswith("http://127.0.0.1:8080/setup/")
    secret = made("token", "create", "dora", "--label", "ci", "--scope", "read", "--scope", "request")["secret"]
    assert "secret" not in made("token", "list")[0]
    assert made("token", "list")[0]["scopes"] == ["read", "request"]
    with Client(shell.url, secret) as client:
        with pytest.raises(DfptError, match="may not view"):  # others: [] of the policy
            client.me()
        made("token", "revoke", "1")
        with pytest.raises(DfptError, match="not valid"):
            client.me()
    assert made("user", "disable", "dora")["disabled"] is True
    assert made("user", "enable", "dora")["disabled"] is False
    assert [one["name"] for one in made("user", "list")] == ["dora"]
    for words in (("user", "add", "dora"), ("user", "disable", "x"), ("token", "revoke", "9")):
        assert shell.run("approvals", *words, *home)[0] == 2
    assert "dora" in shell.run("approvals", "user", "list", *home)[1]
    assert "revoked" in shell.run("approvals", "token", "list", *home)[1]


def test_an_approval_that_waits_for_mlflow_says_so_and_ends_with_1(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.desk.submit("ada")

    def away(*_: object) -> None:
        raise MlflowException("API request failed: connection refused")

    with monkeypatch.context() as broken:
        broken.setattr(deployment, "_point", away)
        code, said = shell.remote("bob", "model", "approve", "elpv/1", "--reason", "good")
    assert (code, "is approved and waits for the registry" in said) == (1, True)

    assert worker.sweep(shell.desk.app.state.service).finished == ["elpv"]
    assert shell.remote("bob", "model", "approve", "elpv/1", "--reason", "good")[0] == 0
