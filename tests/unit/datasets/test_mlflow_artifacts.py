from __future__ import annotations

import os
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfpt.datasets import mlflow_artifacts
from dfpt.datasets.sources import resolve
from dfpt.errors import StepFailed, UsageError
from dfpt.tracking import store
from tests.unit.datasets.pictures import fill

pytest_plugins = ["tests.mlflow_home"]


@pytest.fixture
def run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run of a real store with a folder of images and a Parquet file among its artifacts."""
    monkeypatch.setenv("DFPT_HOME", str(home))
    client = store.client(store.tracking_uri(home))
    made: str = client.create_run(store.ensure(home, "data")).info.run_id
    images = [fill(tmp_path / "raw" / label, 2)[0] for label in ("a", "b")]
    table = {"image": [file.read_bytes() for file in images], "label": ["a", "b"]}
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    client.log_artifacts(made, str(tmp_path / "raw"), "sets/line 3")
    client.log_artifact(made, str(tmp_path / "x.parquet"), "sets")
    return made


def test_a_folder_of_images_is_downloaded_once_and_again_when_it_has_changed(
    run: str, home: Path, tmp_path: Path
) -> None:
    source = resolve(f"mlflow:{run}/sets/line 3")
    assert source.name == f"mlflow:{run}/sets/line 3"
    assert source.classes == ("a", "b")
    assert [item.read() for item in source.items] == [
        (tmp_path / "raw" / item.path).read_bytes() for item in source.items
    ]
    (content,) = (home / "cache" / "artifacts").iterdir()
    before = content.stat().st_mtime_ns
    resolve(f"mlflow:{run}/sets/line 3")
    assert content.stat().st_mtime_ns == before
    added = fill(tmp_path / "more", 1)[0].rename(tmp_path / "new.png")
    store.client(store.tracking_uri(home)).log_artifact(run, str(added), "sets/line 3/b")
    assert [item.id for item in resolve(f"mlflow:{run}/sets/line 3").items][-1] == "b/new.png"


def test_a_parquet_file_is_read_as_one(run: str) -> None:
    source = resolve(f"mlflow:{run}/sets/x.parquet")
    assert [item.label_name for item in source.items] == ["a", "b"]


@pytest.mark.parametrize("artifact", ["sets/line 4", "nothing"])
def test_an_artifact_that_the_run_lacks_is_named(run: str, artifact: str) -> None:
    with pytest.raises(UsageError, match=f"has no artifact '{artifact}'"):
        resolve(f"mlflow:{run}/{artifact}")


def test_a_run_that_is_not_there_is_named(run: str) -> None:
    with pytest.raises(UsageError, match="The tracking store has no run 0123"):
        resolve("mlflow:0123/x")


def test_a_store_that_is_away_is_named_after_few_retries_and_training_keeps_its_own_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free.getsockname()[1]}")
        monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)  # a command of an earlier test sets it
        monkeypatch.setattr(mlflow_artifacts, "RETRIES", 1)  # with MLflow's own seven this takes four minutes
        with pytest.raises(StepFailed, match=r"Cannot read artifact 'images' of run 0123: .*retries") as raised:
            resolve("mlflow:0123/images")
    assert "MLFLOW_TRACKING_URI" in str(raised.value)
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ
