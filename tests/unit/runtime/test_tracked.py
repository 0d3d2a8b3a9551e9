from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dfpt.config import Config, for_step
from dfpt.errors import StepFailed
from dfpt.runtime.tracked import VARIABLE, Tracking, tracked
from tests.unit.datasets.pictures import fill

CONFIG = for_step(Config(), "distil")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder whose runner has told its steps where they belong."""
    from dfpt.tracking import store

    experiment = store.ensure(tmp_path, "digits")
    client = store.client(store.tracking_uri(tmp_path))
    parent = client.create_run(experiment).info.run_id
    monkeypatch.setenv(VARIABLE, Tracking(experiment, parent, {"dfpt.data_hash": "abc"}).to_environment())
    return tmp_path


def test_a_step_becomes_a_run_below_its_runners(home: Path) -> None:
    from dfpt.tracking import store

    with tracked("distil", CONFIG, home, lambda: False) as run:
        assert run is not None
        run.metrics({"val_accuracy": 0.25}, 0)
        run.metrics({"val_accuracy": 0.5}, 1)
    found = store.client(store.tracking_uri(home)).get_run(run.run_id)
    assert found.data.metrics == {"val_accuracy": 0.5}
    assert found.data.tags["mlflow.parentRunId"] == json.loads(os.environ[VARIABLE])["parent"]
    assert found.data.tags["dfpt.data_hash"] == "abc"
    assert found.info.status == "FINISHED"


def test_a_failed_step_is_a_failed_run(home: Path) -> None:
    from dfpt.tracking import store

    client = store.client(store.tracking_uri(home))
    with pytest.raises(StepFailed), tracked("distil", CONFIG, home, lambda: False):
        raise StepFailed("loss is NaN")
    (experiment,) = client.search_experiments(filter_string="name = 'digits'")
    found = client.search_runs([experiment.experiment_id], "tags.`dfpt.step` = 'distil'")[0]
    assert found.info.status == "FAILED"
    assert "loss is NaN" in found.data.tags["dfpt.error"]


def test_the_run_that_kubeflow_opened_for_a_step_goes_on_through_its_retry_and_no_other_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KFP 2.17 with its MLflow support hands over server, experiment and run."""
    from dfpt.tracking import store

    experiment = store.ensure(tmp_path, "kubeflow")
    uri = store.tracking_uri(tmp_path)
    client = store.client(uri)
    above = client.create_run(experiment).info.run_id
    given = client.create_run(experiment, tags={"mlflow.parentRunId": above}).info.run_id
    for name, value in {"TRACKING_URI": uri, "EXPERIMENT_ID": experiment, "RUN_ID": given}.items():
        monkeypatch.setenv(f"MLFLOW_{name}", value)
    with pytest.raises(StepFailed), tracked("distil", CONFIG, tmp_path, lambda: False):
        raise StepFailed("the server went away")
    with tracked("distil", CONFIG, tmp_path, lambda: False) as run:
        assert run is not None
        assert run.run_id == given
    found = client.get_run(given)
    assert (found.info.status, found.data.tags["dfpt.step"]) == ("FINISHED", "distil")
    assert len(client.search_runs([experiment])) == 2


def test_nothing_is_tracked_where_nobody_asked(tmp_path: Path) -> None:
    with tracked("distil", CONFIG, tmp_path, lambda: False) as run:
        assert run is None
    assert list(tmp_path.iterdir()) == []


def test_the_run_of_a_step_says_which_data_version_went_in(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dfpt import runtime
    from dfpt.config import Data, PrepareConfig
    from dfpt.context import Context
    from dfpt.datasets.task import Task
    from dfpt.steps import prepare
    from dfpt.tracking import store

    for label in ("a", "b"):
        fill(tmp_path / "raw" / label, 20)
    dataset = tmp_path / "dataset"
    data = Data(source=f"folder:{tmp_path / 'raw'}", image_size=8)
    prepare.run({}, {"dataset": dataset}, PrepareConfig(seed=0, data=data), Context(home, tmp_path))
    config = for_step(Config.model_validate({"validation": {"min_per_class": 2}}), "validate")
    monkeypatch.setenv("DFPT_HOME", str(home))
    runtime.execute("validate", config, {"dataset": dataset}, {"validation": tmp_path / "v"}, tmp_path / "metrics.json")
    client = store.client(store.tracking_uri(home))
    (experiment,) = client.search_experiments(filter_string="name = 'digits'")
    (found,) = client.search_runs([experiment.experiment_id], "tags.`dfpt.step` = 'validate'")
    data_hash = Task.load(dataset).data_hash
    assert found.data.tags["dfpt.data_version"] == data_hash
    assert [given.dataset.digest for given in found.inputs.dataset_inputs] == [data_hash[:36]]
    artifacts = {file.path for file in client.list_artifacts(found.info.run_id)}
    assert {"validation.html", "validation.json", "rejected.csv", "suspicious.csv"} <= artifacts
