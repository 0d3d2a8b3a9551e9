from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dfpt.cli.model import app
from dfpt.errors import UsageError
from dfpt.registry import promotion, requests
from dfpt.registry.handle import open_registry

pytest_plugins = "tests.mlflow_home"

Submit = Callable[..., Any]


@pytest.fixture
def dfpt(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """``dfpt model`` on ``home``; returns what it prints."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, "--home", str(home)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return call


def state(home: Path) -> str:
    return promotion.find(open_registry(home), "elpv", 1).state


def test_the_list_is_objects_of_candidates_and_production(dfpt: Callable[..., str], submit: Submit) -> None:
    submit(accuracy=0.75)
    dfpt("approve", "elpv/1", "--reason", "good")

    found = json.loads(dfpt("list", "--json"))

    assert [
        (entry["name"], entry["version"], entry["aliases"], entry["status"], entry["metrics"]["accuracy"])
        for entry in found
    ] == [("elpv", 1, ["candidate"], "promoted", 0.75), ("elpv-production", 1, ["champion"], "champion", 0.75)]
    assert json.loads(dfpt("list", "elpv", "--json")) == found[:1]


def test_the_list_can_be_empty(dfpt: Callable[..., str]) -> None:
    assert json.loads(dfpt("list", "--json")) == []
    assert "dfpt run" in dfpt("list")


def test_people_read_percentages_and_who_did_what(dfpt: Callable[..., str], submit: Submit) -> None:
    submit(accuracy=0.75)
    dfpt("reject", "elpv", "1", "--reason", "misses cracks", "--as", "bob")

    assert "75.0%" in dfpt("list")
    assert "rejected by bob: misses cracks" in dfpt("show", "elpv/1")


def test_show_has_the_whole_log(dfpt: Callable[..., str], submit: Submit) -> None:
    submit()
    dfpt("approve", "elpv/1", "--reason", "good", "--as", "bob")

    log = json.loads(dfpt("show", "elpv/1", "--json"))["log"]

    assert [(line["after"], line["actor"]) for line in log] == [
        ("pending", "ada"),
        ("approved", "bob"),
        ("promoted", "bob"),
    ]
    assert log[1]["reason"] == "good"


def test_approving_again_says_that_there_is_nothing_to_do(dfpt: Callable[..., str], submit: Submit) -> None:
    submit()
    assert "elpv-production/1, the champion" in dfpt("approve", "elpv/1", "--reason", "good")

    assert "nothing to do" in dfpt("approve", "elpv/1", "--reason", "good")


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_dry_run_changes_nothing(home: Path, dfpt: Callable[..., str], submit: Submit, verb: str) -> None:
    submit()

    assert "Would" in dfpt(verb, "elpv/1", "--reason", "good", "--dry-run")

    assert state(home) == "pending"
    assert len(requests.log(open_registry(home).engine, "elpv", 1)) == 1


@pytest.mark.parametrize("verb", ["approve", "reject"])
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_decision_without_a_reason_is_none(
    home: Path, dfpt: Callable[..., str], submit: Submit, verb: str, dry: list[str]
) -> None:
    submit()

    with pytest.raises(UsageError, match="needs a reason"):
        dfpt(verb, "elpv/1", "--reason", " ", *dry)

    assert state(home) == "pending"


@pytest.mark.parametrize("name", [["elpv"], ["elpv/x"], ["elpv/1", "2"]])
def test_a_model_without_one_version_is_wrong_usage(dfpt: Callable[..., str], name: list[str]) -> None:
    with pytest.raises(UsageError, match="names no version"):
        dfpt("show", *name)


def test_a_folder_without_a_registry_is_named_and_stays_empty(tmp_path: Path) -> None:
    absent = tmp_path / "absent"

    with pytest.raises(UsageError, match="no registry in"):
        CliRunner().invoke(app, ["list", "--home", str(absent)], catch_exceptions=False)

    assert not absent.exists()
