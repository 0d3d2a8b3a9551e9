"""Where MLflow lives, and the one place that opens it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock

from dfpt.errors import UsageError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.store.entities import PagedList

Found = TypeVar("Found")

DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"
WEIGHTS_TAG = "dfpt.weights_sha256"  # of a registered version


def tracking_uri(home: Path) -> str:
    """MLFLOW_TRACKING_URI where it is set, else the SQLite file of ``home``.

    Raises:
        UsageError: it is no address; MLflow would take it for a folder.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given and "://" not in given:
        raise UsageError(
            f"MLFLOW_TRACKING_URI is {given!r}, which is no address.",
            "Write http://host:port or sqlite:////path, or leave it away for the state folder's own.",
        )
    return given or f"sqlite:///{home.absolute() / DATABASE}"


def client(uri: str) -> MlflowClient:
    """A client of tracking and registry at ``uri``: thread-safe, no global state. The import takes seconds."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def pages(search: Callable[..., PagedList[Found]]) -> Iterator[Found]:
    """All that a search of a client's has, page by page: one page is at most a hundred models."""
    token = None
    while True:
        page = search(page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def ensure(home: Path, experiment: str) -> str:
    """The id of ``experiment``, made together with the database if missing.

    A fresh database takes seconds, and processes that start on it at once break each other: one at a time here, and
    before the pipeline's steps start. A server (any URI but SQLite) chooses the place of its artifacts itself.
    """
    home.mkdir(parents=True, exist_ok=True)
    uri = tracking_uri(home)
    local = uri.startswith("sqlite:")
    with FileLock(home / f"{DATABASE}.lock"):
        mlflow = client(uri)
        found = mlflow.get_experiment_by_name(experiment)
        if found is None:
            return mlflow.create_experiment(experiment, (home.absolute() / ARTIFACTS).as_uri() if local else None)
        if found.lifecycle_stage == "deleted":
            mlflow.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
