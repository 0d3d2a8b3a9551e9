"""schedules.yaml: what it refuses, and what a schedule's run is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dfpt.errors import UsageError
from dfpt.schedules.file import File, Work, known, read

WEEKLY: dict[str, Any] = {"cron": "0 0 2 * * 1", "timezone": "Asia/Tokyo"}


def load(tmp_path: Path, **content: Any) -> File:
    path = tmp_path / "schedules.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return read(path)


def test_a_schedule_is_for_the_newest_version_and_left_as_it_is(tmp_path: Path) -> None:
    found = load(tmp_path, schedules={"weekly": WEEKLY}).schedules["weekly"]
    assert (found.version, found.enabled, found.timezone) == ("latest", None, "Asia/Tokyo")


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (WEEKLY | {"cron": "0 0 2 30 2 *"}, "never fires"),
        (WEEKLY | {"cron": "0 2 * * 1"}, "six fields"),
        (WEEKLY | {"cron": "* 0 2 * * 1"}, "several times a minute"),
        (WEEKLY | {"timezone": "Asia/Tokio"}, "asia/tokio"),
        (WEEKLY | {"time_zone": "UTC"}, "Unknown key"),
        ({"timezone": "UTC"}, "cron"),
    ],
)
def test_what_a_schedule_cannot_be_is_an_error(tmp_path: Path, schedule: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        load(tmp_path, schedules={"weekly": schedule})
    assert "weekly" in str(raised.value)


@pytest.mark.parametrize(
    "trigger",
    [
        {"kind": "moon"},
        {"kind": "age", "model": "elpv", "days": 0},
        {"kind": "webhook", "secret": "hunter2 in plain text"},
        {"kind": "data", "source": "elpv", "reference": "x"},
        {"kind": "data", "source": "elpv", "runs_per_week": 0},
        {"source": "elpv"},
    ],
)
def test_what_a_trigger_cannot_be_is_an_error(tmp_path: Path, trigger: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"triggers\.new"):
        load(tmp_path, triggers={"new": trigger})


def test_all_kinds_of_triggers_are_read(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        triggers={
            "new": {"kind": "data", "source": "elpv", "cooldown_hours": 1},
            "drifted": {"kind": "drift", "reference": "elpv", "current": "folder:/today"},
            "old": {"kind": "age", "model": "elpv", "days": 90},
            "after": {"kind": "upstream", "experiment": "labelling"},
            "call": {"kind": "webhook", "secret": "LABEL_TOOL_SECRET"},
        },
    ).triggers
    assert [trigger.kind for trigger in found.values()] == ["data", "drift", "age", "upstream", "webhook"]


def test_a_name_that_kubernetes_would_not_take_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Weekly run"):
        load(tmp_path, schedules={"Weekly run": WEEKLY})


def test_a_missing_file_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Cannot read") as raised:
        read(tmp_path / "none.yaml")
    assert "--file" in raised.value.remedy


def test_a_runs_options_are_those_of_dfpt_run(root: Path) -> None:
    work = Work(profile="smoke", data="digits", set=("seed=3",))
    assert work.arguments() == ["--profile", "smoke", "--data", "digits", "--set", "seed=3"]
    config = work.config(root / "params.yaml")
    assert (config.data.source, config.seed, config.student.model) == ("digits", 3, "tiny_20k")


def test_an_unknown_name_has_its_neighbour() -> None:
    with pytest.raises(UsageError, match="no schedule 'weekli'") as raised:
        known("weekli", ["weekly"], "schedule")
    assert "weekly" in raised.value.remedy
