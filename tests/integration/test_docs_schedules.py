"""Every command of docs/schedules.md, on the file that it shows; those that need a cluster against the fake."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from dfpt.cli import submit
from dfpt.cli.main import app
from dfpt.config import Config
from dfpt.schedules.file import read
from dfpt.triggers import signature
from tests.fake_kfp import runs
from tests.fake_kfp.server import FakePipelines

pytest_plugins = "tests.fake_kfp.plugin"

SERVING = ("dfpt schedule serve", "dfpt triggers serve")  # started as processes by the tests of their own
CLUSTER = "# needs a cluster"


def blocks(root: Path, language: str) -> list[str]:
    text = (root / "docs" / "schedules.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the file that the page shows, and the caller in it."""
    (example,) = blocks(root, "yaml")
    (tmp_path / "schedules.yaml").write_text(example)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_does_what_the_page_says(
    root: Path, folder: Path, kubeflow: FakePipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = submit.compiled(Config())
    monkeypatch.setattr(submit, "compiled", lambda config: package)
    monkeypatch.setenv("KUBECONFIG", str(folder / "none"))
    lines = [line[2:] for block in blocks(root, "console") for line in block.splitlines() if line.startswith("$ ")]
    assert len(lines) >= 13
    expected = {"dfpt pipeline submit": 4, "dfpt triggers poll": 1}  # a candidate waits; there is no /data/today
    for line in lines:
        if line.startswith(SERVING):
            continue
        if CLUSTER in line:
            monkeypatch.setenv("DFPT_CLUSTER__HOST", kubeflow.host)
        else:
            monkeypatch.delenv("DFPT_CLUSTER__HOST", raising=False)
        kubeflow.state.script = [runs.ended()]
        done = CliRunner().invoke(app, shlex.split(line.partition("#")[0])[1:], catch_exceptions=False)
        code = next((code for start, code in expected.items() if line.startswith(start)), 0)
        assert done.exit_code == code, (line, done.output)
    assert [run["display_name"] for run in kubeflow.state.recurring.values()] == ["weekly"]


def test_the_example_is_valid_and_has_every_kind_of_trigger(folder: Path) -> None:
    found = read(folder / "schedules.yaml")
    assert {trigger.kind for trigger in found.triggers.values()} == {"data", "drift", "age", "upstream", "webhook"}
    assert yaml.safe_load((folder / "schedules.yaml").read_text())["owner"] == found.owner


def test_the_shells_signature_is_the_receivers(root: Path) -> None:
    (script,) = blocks(root, "sh")
    shown = script[: script.index("curl")] + 'printf "%s\\n%s" "$body" "$signature"'
    printed = subprocess.run(
        ["bash", "-euc", shown],
        env={"PATH": os.environ["PATH"], "LABEL_TOOL_SECRET": "secret"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    body, signed = printed.splitlines()
    assert signature.is_right("secret", body.encode(), f"sha256={signed}")
