from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from dfpt.cli.data import app
from dfpt.datasets import quarantine, sources
from dfpt.errors import UsageError
from tests.unit.datasets.pictures import fill


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A state folder with one doubtful and one broken image in quarantine."""
    for label in ("a", "b"):
        fill(tmp_path / "raw" / label, 20)
    Image.new("L", (9, 9), 7).save(tmp_path / "raw" / "a" / "photo\x1b[31m.png", "BMP")
    (tmp_path / "raw" / "b" / "broken.png").write_bytes(b"no image")
    command = ["validate", f"folder:{tmp_path / 'raw'}", "--set", "validation.max_rejected=0.5"]
    done = CliRunner().invoke(app, [*command, "--set", "validation.min_per_class=2", "--home", str(tmp_path / "home")])
    assert done.exit_code == 0, done.output
    assert "42 images found: 40 accepted, 2 in quarantine, 0 refused." in done.output
    return tmp_path / "home"


def called(home: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["quarantine", *words, "--home", str(home)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def key_of(home: Path, part: str) -> str:
    return next(entry.key for entry in quarantine.entries(home) if part in entry.path)


def test_the_list_says_what_is_there_and_why_and_lets_no_control_sequence_through(home: Path) -> None:
    text = called(home, "list")
    assert "a/photo?[31m.png  a BMP file under the name of a PNG file  (quarantined)" in text
    assert "b/broken.png  not an image file" in text
    assert "2 in quarantine, 0 released." in text
    assert "\x1b" not in text
    assert len(json.loads(called(home, "list", "--json"))) == 2
    assert json.loads(called(home, "list", "digits", "--json")) == []


def test_a_release_is_recorded_with_person_and_reason_and_makes_other_data(home: Path, tmp_path: Path) -> None:
    key, source = key_of(home, "photo"), f"folder:{tmp_path / 'raw'}"
    before = sources.fingerprint(source, (), quarantine.released(home, source))
    assert "Would release" in called(home, "release", key, "--reason", "seen", "--dry-run")
    assert not quarantine.released(home, source)
    assert "Released" in called(home, "release", key, "--reason", "seen", "--as", "kim")
    assert "(released by kim: seen)" in called(home, "list")
    assert sources.fingerprint(source, (), quarantine.released(home, source)) != before
    with pytest.raises(UsageError, match="was released by kim"):
        called(home, "release", key, "--reason", "again")


@pytest.mark.parametrize(
    ("which", "reason", "message"),
    [("photo", " ", "needs a reason"), ("broken", "x", "cannot be trained on"), (None, "x", "has the key 'gone'")],
)
def test_a_release_that_cannot_be_changes_nothing(home: Path, which: str | None, reason: str, message: str) -> None:
    keys = [key_of(home, "photo"), key_of(home, which) if which else "gone"]
    with pytest.raises(UsageError, match=message):
        called(home, "release", *keys, "--reason", reason)
    assert all(entry.release is None for entry in quarantine.entries(home))


def test_a_damaged_entry_is_named(home: Path) -> None:
    (home / "quarantine" / "x.json").write_text("{}")
    with pytest.raises(UsageError, match=r"x\.json is no entry"):
        called(home, "list")
