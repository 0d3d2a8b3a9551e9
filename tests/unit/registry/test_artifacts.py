from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from mlflow import MlflowException

from dfpt.registry import artifacts


def test_files_that_are_there_are_found_and_those_that_are_gone_are_not(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"

    assert artifacts.find(SimpleNamespace(source=(tmp_path / "model").as_uri()), uri) == tmp_path / "model"
    assert artifacts.find(SimpleNamespace(source=(tmp_path / "gone").as_uri()), uri) is None


def test_a_server_that_is_away_says_nothing_about_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")

    with pytest.raises((MlflowException, OSError)):
        artifacts.find(SimpleNamespace(source="mlflow-artifacts:/1/run/artifacts/model"), "http://127.0.0.1:9")
