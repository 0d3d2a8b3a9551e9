"""``dfpt pipeline compile`` as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from dfpt.cli.main import app
from dfpt.errors import UsageError

DIGEST = "registry.example/dfpt@sha256:" + "ab" * 32


def compiled(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["pipeline", "compile", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_image_and_the_cluster_settings_that_were_given_are_in_the_yaml(tmp_path: Path) -> None:
    out = tmp_path / "retraining.yaml"
    said = compiled("--out", str(out), "--image", DIGEST, "--set", "cluster.resources.distil.memory=64Gi")
    assert said == f"Wrote {out}.\n"
    executors = next(yaml.safe_load_all(out.read_text()))["deploymentSpec"]["executors"]
    assert {executor["container"]["image"] for executor in executors.values()} == {DIGEST}
    assert executors["exec-distil"]["container"]["resources"]["resourceMemoryLimit"] == "64Gi"


def test_a_dry_run_writes_resources_for_kubectl_to_the_terminal_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = list(yaml.safe_load_all(compiled("--kubernetes", "--dry-run", "--set", "cluster.namespace=vision")))
    assert [(one["kind"], one["metadata"]["namespace"]) for one in found] == [
        ("Pipeline", "vision"),
        ("PipelineVersion", "vision"),
    ]
    assert list(tmp_path.iterdir()) == []


def test_in_production_a_tag_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "retraining.yaml"
    with pytest.raises(UsageError, match="not named by its digest"):
        compiled("--out", str(out), "--image", "dfpt:1", "--set", "cluster.require_digest=true")
    assert not out.exists()
