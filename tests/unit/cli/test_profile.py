from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from dfpt.cli.data import app
from dfpt.errors import DataRefused, UsageError
from tests.unit.datasets.pictures import fill

FEW = ("--set", "validation.min_per_class=2", "--set", "data.image_size=16")


def called(*words: str) -> str:
    done = CliRunner().invoke(app, [*words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    for label in ("a", "b"):
        fill(tmp_path / "line-3" / label, 20)
    return f"folder:{tmp_path / 'line-3'}"


def test_a_proposed_suite_passes_the_data_that_it_came_from_and_notices_others(source: str, tmp_path: Path) -> None:
    said = called("profile", source, *FEW)
    assert "expectations to data/expectations/line-3.json" in said
    assert said.endswith(f"then: dfpt data validate {source}\n"), "it is found by its name"
    assert called("profile", source, *FEW, "--out", "mine.json").endswith(" --set validation.suite=mine.json\n")
    suite = json.loads(Path("data/expectations/line-3.json").read_text())
    assert suite["meta"]["extends"] == "default"
    by_check = {item["meta"]["check"]: item for item in suite["expectations"]}
    assert by_check["the classes seen"]["kwargs"]["value_set"] == ["a", "b"]
    assert by_check["images of each class"]["kwargs"]["min_value"] == 1
    report = json.loads(called("validate", source, *FEW, "--json"))
    assert report["suite"] == "line-3"
    assert all(check["passed"] for check in report["expectations"])
    assert set(by_check) <= {check["name"] for check in report["expectations"]}

    Image.effect_noise((16, 24), 20).point(lambda grey: grey // 4).save(tmp_path / "line-3" / "a" / "dark.png")
    report = json.loads(called("validate", source, *FEW, "--json"))
    found = {check["name"]: check["found"] for check in report["expectations"] if not check["passed"]}
    assert "a/dark.png" in found["brightness as seen"]

    fill(tmp_path / "line-3" / "c", 20)
    with pytest.raises(DataRefused, match="labels that the suite does not know: c"):
        called("validate", source, *FEW)


def test_a_suite_that_a_person_may_have_edited_is_not_replaced(source: str) -> None:
    out = Path("mine.json")
    assert json.loads(called("profile", source, *FEW, "--out", str(out), "--dry-run"))["name"] == "line-3"
    assert not out.exists()
    out.write_text("{}")
    with pytest.raises(UsageError, match=r"mine\.json is there already"):
        called("profile", source, *FEW, "--out", str(out))
    called("profile", source, *FEW, "--out", str(out), "--force")
    assert json.loads(out.read_text())["name"] == "line-3"
