"""``dfpt doctor --cluster`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from dfpt.cli import doctor as command
from tests.fake_kubernetes.server import FakeKubernetes

pytest_plugins = ("tests.fake_kubernetes.healthy",)


def test_the_command_ends_with_one_and_prints_the_fix(
    healthy: FakeKubernetes, kubeconfig: Path, tmp_path: Path, web: str, capsys: pytest.CaptureFixture[str]
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(
        f"cluster: {{host: '{web}', namespace: plant, "
        "config_maps: {dfpt-pipeline: [MLFLOW_TRACKING_URI, DFPT_APPROVALS_URL]}, "
        "secrets: {dfpt-pipeline: {keys: [DFPT_APPROVALS_TOKEN], steps: [gate, register]}}}"
    )
    command.command(tmp_path, as_json=True, cluster=True, config=params)
    assert all(one["ok"] for one in json.loads(capsys.readouterr().out) if one["essential"])
    healthy.state.drop("ServiceAccount", "dfpt-pipeline")
    with pytest.raises(typer.Exit) as ended:
        command.command(tmp_path, as_json=False, cluster=True, config=params)
    assert ended.value.exit_code == 1
    assert "MISSING  service account: dfpt-pipeline is not there" in capsys.readouterr().out
