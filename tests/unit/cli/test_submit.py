"""``dfpt pipeline submit|status|logs`` from the command line to a fake that knows the published API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dfpt.cli import submit
from dfpt.cli.pipeline import app
from dfpt.cluster import errors
from dfpt.cluster.versions import Package
from dfpt.config import Config
from dfpt.errors import StepFailed, UsageError
from tests.fake_kfp import runs
from tests.fake_kfp.server import FakePipelines, Fault

pytest_plugins = "tests.fake_kfp.plugin"

SMOKE = ("--data", "digits", "--profile", "smoke")


@pytest.fixture(scope="module")
def package() -> Package:
    """The real pipeline, compiled once."""
    return submit.compiled(Config())


@pytest.fixture
def dfpt(package: Package, kubeflow: FakePipelines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """``dfpt pipeline`` against the fake; no kubeconfig is found."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(submit, "compiled", lambda config: package)
    monkeypatch.setenv("DFPT_CLUSTER__HOST", kubeflow.host)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments], catch_exceptions=False)

    return call


def test_a_run_has_the_resolved_configuration_and_the_same_pipeline_is_uploaded_once(
    dfpt: Any, kubeflow: FakePipelines
) -> None:
    first, second = (json.loads(dfpt("submit", *SMOKE, "--json").stdout) for _ in range(2))

    assert first["run"] != second["run"]
    assert kubeflow.count("upload_pipeline_version") == 1
    run = kubeflow.state.runs[first["run"]]
    values = run["runtime_config"]["parameters"]
    assert values["prepare"]["data"]["source"] == "digits"
    assert values["distil"]["student"]["recipe"]["epochs"] == 5
    assert len(values["data_hash"]) == 64
    assert run["service_account"] == "dfpt-pipeline"
    assert "namespace" not in run
    assert run["pipeline_version_reference"]["pipeline_version_id"] in kubeflow.state.versions


def test_a_dry_run_asks_the_cluster_nothing(dfpt: Any, kubeflow: FakePipelines) -> None:
    said = json.loads(dfpt("submit", *SMOKE, "--dry-run", "--json").stdout)
    assert said["pipeline"] == "dfpt-retraining"
    assert said["parameters"]["gate"]["registration"]["name"] == "digits"
    assert kubeflow.requests == []


@pytest.mark.parametrize(
    ("end", "code", "status"),
    [
        (runs.ended(), 4, "waiting"),
        (runs.ended(register=""), 3, "refused"),
        (runs.looks("FAILED", prepare="FAILED:exit status 2"), 2, "failed"),
        (runs.looks("CANCELED"), 1, "canceled"),
    ],
)
def test_waiting_ends_with_the_runs_exit_code(
    dfpt: Any, kubeflow: FakePipelines, end: dict[str, Any], code: int, status: str
) -> None:
    kubeflow.state.script = [runs.looks("RUNNING", prepare="RUNNING"), end]
    done = dfpt("submit", *SMOKE, "--wait", "--every", "0.01", "--json")
    assert done.exit_code == code
    assert json.loads(done.stdout)["status"] == status
    assert "prepare         running" in done.stderr


def test_each_step_is_told_once_when_it_moves(dfpt: Any, kubeflow: FakePipelines) -> None:
    kubeflow.state.script = [runs.looks("RUNNING", prepare="RUNNING")] * 3 + [runs.ended()]
    done = dfpt("submit", *SMOKE, "--wait", "--every", "0.01")
    lines = done.stderr.splitlines()
    assert lines[0] == "prepare         running"
    assert lines[1] == "prepare         done in 30 s"
    assert len(lines) == 1 + 9
    assert "waits for approval" in done.stdout


def test_a_lost_connection_while_waiting_is_borne(dfpt: Any, kubeflow: FakePipelines) -> None:
    kubeflow.faults = [Fault("run_service_get_run", "lost", times=3)]
    kubeflow.state.script = [runs.ended()]
    assert dfpt("submit", *SMOKE, "--wait", "--every", "0.01").exit_code == 4


def test_an_answer_that_was_lost_starts_no_second_run(dfpt: Any, kubeflow: FakePipelines) -> None:
    kubeflow.faults = [
        Fault("pipeline_service_create_pipeline", "unanswered"),
        Fault("upload_pipeline_version", "unanswered"),
        Fault("experiment_service_create_experiment", "unanswered"),
        Fault("run_service_create_run", "unanswered"),
    ]
    said = json.loads(dfpt("submit", *SMOKE, "--json").stdout)
    assert list(kubeflow.state.runs) == [said["run"]]
    assert len(kubeflow.state.versions) == len(kubeflow.state.pipelines) == len(kubeflow.state.experiments) == 1


def test_a_request_that_was_lost_is_an_error_and_no_run(dfpt: Any, kubeflow: FakePipelines) -> None:
    kubeflow.faults = [Fault("run_service_create_run", "lost")]
    with pytest.raises(errors.Unreachable):
        dfpt("submit", *SMOKE)
    assert kubeflow.state.runs == {}


def test_waiting_has_a_limit_and_the_run_goes_on(dfpt: Any, kubeflow: FakePipelines) -> None:
    kubeflow.state.script = [runs.looks("RUNNING")]
    with pytest.raises(StepFailed, match=r"within 0 s") as raised:
        dfpt("submit", *SMOKE, "--wait", "--every", "0.01", "--limit", "0")
    assert next(iter(kubeflow.state.runs)) in raised.value.remedy


def test_without_an_address_it_says_how_to_get_one(dfpt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DFPT_CLUSTER__HOST")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UsageError, match="not known") as raised:
        dfpt("submit", *SMOKE)
    assert "port-forward" in raised.value.remedy


def test_a_source_that_only_the_cluster_has_is_read_by_every_run(dfpt: Any, kubeflow: FakePipelines) -> None:
    plans = [json.loads(dfpt("submit", "--data", "folder:/data/line3", "--dry-run", "--json").stdout) for _ in range(2)]
    hashes = {plan["parameters"]["data_hash"] for plan in plans}
    assert len(hashes) == 2
    with pytest.raises(UsageError, match="Unknown data source"):
        dfpt("submit", "--data", "foldr:/data/line3", "--dry-run")


def test_status_shows_the_newest_runs_and_one_runs_steps(dfpt: Any, kubeflow: FakePipelines) -> None:
    assert json.loads(dfpt("status", "--json").stdout) == []
    older, newer = (json.loads(dfpt("submit", *SMOKE, "--json").stdout)["run"] for _ in range(2))
    assert [row["run"] for row in json.loads(dfpt("status", "--json").stdout)] == [newer, older]
    assert [row["run"] for row in json.loads(dfpt("status", "--json", "--last", "1").stdout)] == [newer]

    kubeflow.state.script = [runs.looks("RUNNING", prepare="SKIPPED", validate="RUNNING")] * 2
    found = json.loads(dfpt("status", newer, "--json").stdout)
    assert [(step["name"], step["state"]) for step in found["steps"]] == [
        ("prepare", "SKIPPED"),
        ("validate", "RUNNING"),
    ]
    assert found["exit_code"] is None
    assert "validate" in dfpt("status", newer).stdout


def test_a_run_that_is_not_there_is_named(dfpt: Any) -> None:
    with pytest.raises(errors.NotThere, match="r-404"):
        dfpt("status", "r-404")


def test_logs_need_kubernetes_and_say_so(dfpt: Any) -> None:
    with pytest.raises(UsageError, match="no kubeconfig"):
        dfpt("logs", "r1", "prepare")
    with pytest.raises(UsageError, match="Unknown step"):
        dfpt("logs", "r1", "prepar")
