"""approvals.yaml as a file: where it is found, and what a mistake in it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dfpt.errors import UsageError
from dfpt.registry import policy_config
from dfpt.registry.policy_config import Policy


def loaded(home: Path, text: str) -> Policy:
    (home / policy_config.FILE).write_text(text)
    return policy_config.load(home)


def test_the_packaged_policy_is_the_default_and_the_one_at_the_root(root: Path, tmp_path: Path) -> None:
    assert policy_config.load(tmp_path) == Policy()
    assert (root / "dfpt" / "registry" / policy_config.FILE).samefile(root / policy_config.FILE)


def test_the_named_file_comes_before_that_of_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(tmp_path, "quorum: 2").quorum == 2
    (tmp_path / "other.yaml").write_text("quorum: 3")

    monkeypatch.setenv(policy_config.FILE_VARIABLE, str(tmp_path / "other.yaml"))

    assert policy_config.load(tmp_path).quorum == 3


def test_a_named_file_that_is_missing_is_no_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(policy_config.FILE_VARIABLE, str(tmp_path / "absent.yaml"))

    with pytest.raises(UsageError, match="absent"):
        policy_config.load(tmp_path)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n", "---\n"])
def test_a_file_without_rules_does_not_become_the_rules_of_one_person_alone(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="has no rules in it"):
        loaded(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("quorm: 2", r"'quorm'.*'quorum'"),
        ("models: {elpv: {four_eye: true}}", r"models\.elpv\.four_eye'.*'four_eyes'"),
        ("automatic_margn: 0.1", "'automatic_margin'"),
        ("freeze: {xmas: {start: 2026-12-25 00:00, ends: 2027-01-05 00:00}}", "'starts'|freeze.xmas"),
        ("weekly_freeze: {night: {days: [fri], starts: 18:00, ends: '06:00'}}", "in quotes"),
        ("weekly_freeze: {night: {days: [friday], starts: '18:00', ends: '06:00'}}", "friday"),
        ("freeze: {x: {starts: 2027-01-05 00:00, ends: 2026-12-25 00:00}}", "ends before it starts"),
        ("freeze: {x: {starts: 2026-12-25 00:00, ends: 2027-01-05 00:00, time_zone: Mars/Base}}", "Mars/Base"),
        ("people: {bob: [aprover]}", "aprover"),
        ("people: {1: [admin]}", "in quotes"),
        ("quorum: 0", "quorum"),
        ("automatic_margin: 2", "automatic_margin"),
        ("reconcile: repair", "repair"),
        ("[1]", "mapping"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_mistake_names_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        loaded(tmp_path, text)

    assert re.search(says, str(raised.value), re.DOTALL), raised.value


def test_the_production_example_in_the_file_is_valid(root: Path, tmp_path: Path) -> None:
    text = (root / policy_config.FILE).read_text()
    example = text.partition("In production, for instance:\n#\n")[2].partition("\nmodels: {}")[0]

    policy = loaded(tmp_path, "\n".join(line.removeprefix("# ").removeprefix("#") for line in example.splitlines()))

    assert policy.four_eyes
    assert policy.rules_for("elpv").quorum == 2
    assert policy.roles_of("carol") == {"viewer", "admin"}
