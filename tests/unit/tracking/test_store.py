from __future__ import annotations

from pathlib import Path

import pytest

from dfpt.tracking import store

pytest_plugins = "tests.mlflow_home"


def test_the_database_is_the_homes_unless_the_environment_names_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")

    assert store.tracking_uri(tmp_path) == "http://mlflow:5000"


def test_an_experiment_is_made_once_and_its_artifacts_lie_under_the_home(home: Path) -> None:
    first = store.ensure(home, "elpv")

    experiment = store.client(store.tracking_uri(home)).get_experiment(first)

    assert store.ensure(home, "elpv") == first
    assert experiment.artifact_location == (home / "mlartifacts").as_uri()


def test_a_deleted_experiment_is_used_again(home: Path) -> None:
    identity = store.ensure(home, "elpv")
    client = store.client(store.tracking_uri(home))
    client.delete_experiment(identity)

    assert store.ensure(home, "elpv") == identity
    assert client.get_experiment(identity).lifecycle_stage == "active"
