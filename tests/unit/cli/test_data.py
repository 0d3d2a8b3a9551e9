from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dfpt.cli.data import app
from dfpt.errors import DataRefused, UsageError
from tests.unit.datasets.pictures import fill


def test_fetch_writes_images_and_says_so_in_json(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["fetch", "digits", "--out", str(tmp_path / "digits"), "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["images"], report["written"]) == (1797, True)
    assert len(list((tmp_path / "digits" / "images").iterdir())) == 1797
    assert (tmp_path / "digits" / "manifest.parquet").is_file()


def test_fetch_prints_the_licence_once_and_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["fetch", "elpv", "--out", str(tmp_path / "elpv"), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("CC BY-NC-SA 4.0") == 1
    assert not (tmp_path / "elpv").exists()


def test_validate_prints_the_report_before_it_refuses(tmp_path: Path) -> None:
    fill(tmp_path / "raw" / "a", 2)
    source = f"folder:{tmp_path / 'raw'}"
    done = CliRunner().invoke(app, ["validate", source, "--out", str(tmp_path / "report"), "--json"])
    assert isinstance(done.exception, DataRefused)
    report = json.loads(done.stdout)
    assert report["passed"] is False
    assert Path(report["page"]).is_file()


def test_set_reaches_the_check(tmp_path: Path) -> None:
    for label in ("a", "b"):
        fill(tmp_path / "raw" / label, 20)
    command = ["validate", f"folder:{tmp_path / 'raw'}", "--set", "data.image_size=8"]
    assert isinstance(CliRunner().invoke(app, command).exception, DataRefused)
    done = CliRunner().invoke(app, [*command, "--set", "validation.min_per_class=3"])
    assert done.exit_code == 0, done.output


def test_what_was_not_accepted_is_pointed_to(tmp_path: Path) -> None:
    for label in ("a", "b"):
        fill(tmp_path / "raw" / label, 20)
    (tmp_path / "raw" / "a" / "moving.gif").write_bytes(b"GIF89a")
    settings = ("validation.min_per_class=2", "validation.max_rejected=0.1", "data.image_size=8")
    command = ["validate", f"folder:{tmp_path / 'raw'}", *(word for one in settings for word in ("--set", one))]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "41 images found: 40 accepted, 0 in quarantine, 1 refused." in done.stdout
    reasons = Path(done.stdout.splitlines()[-1].removeprefix("What was not accepted, and why: "))
    assert 'a/moving.gif,"GIF is not read' in reasons.read_text()
    assert reasons.parent.name == "raw", "the report is called after the last part of the source"


@pytest.mark.parametrize("command", ["fetch", "validate"])
def test_an_unknown_source_is_wrong_usage(command: str) -> None:
    assert isinstance(CliRunner().invoke(app, [command, "nothing"]).exception, UsageError)
