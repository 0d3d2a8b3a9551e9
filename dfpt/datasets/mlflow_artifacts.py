"""A folder of images or Parquet files that a run of the tracking store holds as an artifact."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dfpt import files
from dfpt.context import home_folder
from dfpt.datasets import folder, parquet
from dfpt.datasets.sources import Source
from dfpt.errors import StepFailed, UsageError
from dfpt.tracking import store

if TYPE_CHECKING:
    from mlflow import MlflowClient

LISTING = "listing.json"
RETRIES = 2  # of each request, some seconds: MLflow's own seven keep a person waiting for four minutes

_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"


def source(run: str, artifact: str, name: str) -> Source:
    """The artifact as a source. It is downloaded once to the state folder, and again when its listing has changed.

    Raises:
        UsageError: no such run or artifact, or what is in it is no data source.
        StepFailed: the store is away, or the download broke off.
    """
    with _soon():
        path = _downloaded(run, artifact)
    if path.suffix == ".parquet" or (path.is_dir() and any(path.rglob("*.parquet"))):
        return parquet.source(path, name)
    return folder.source(path, name)


@contextmanager
def _soon() -> Iterator[None]:
    """A store that is away is told soon, unless whoever runs this has set another patience; training keeps MLflow's."""
    if _RETRIES in os.environ:
        yield
        return
    os.environ[_RETRIES] = str(RETRIES)
    try:
        yield
    finally:
        os.environ.pop(_RETRIES, None)


def _downloaded(run: str, artifact: str) -> Path:
    home, last = home_folder(), artifact.rpartition("/")[2]
    client = store.client(store.tracking_uri(home))
    from mlflow.exceptions import MlflowException

    try:
        client.get_run(run)
        listing = _listing(client, run, artifact)
        if not listing:
            raise UsageError(f"Run {run} has no artifact {artifact!r}.", "Look at the run's artifacts with: dfpt up")
        key = hashlib.sha256(f"{client.tracking_uri}\0{run}\0{artifact}".encode()).hexdigest()[:16]
        place = home / "cache" / "artifacts" / key
        if not _is_fresh(place, listing):
            with files.replacing(place) as partial:
                (partial / "download").mkdir(parents=True)
                local = client.download_artifacts(run, artifact, str(partial / "download"))
                Path(local).rename(partial / last)
                files.write_json(partial / LISTING, listing)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise UsageError(f"The tracking store has no run {run}.", "Write mlflow:RUN/ARTIFACT.") from error
        raise StepFailed(
            f"Cannot read artifact {artifact!r} of run {run}: {error.message.splitlines()[0]}",
            "See that the tracking store (MLFLOW_TRACKING_URI) can be reached.",
        ) from error
    return place / last


def _listing(client: MlflowClient, run: str, artifact: str) -> dict[str, int]:
    """Path -> bytes of every file in the artifact."""
    found: dict[str, int] = {}
    above, _, last = artifact.rpartition("/")
    waiting = [entry for entry in client.list_artifacts(run, above or None) if entry.path.rpartition("/")[2] == last]
    while waiting:
        entry = waiting.pop()
        if entry.is_dir:
            waiting += client.list_artifacts(run, entry.path)
        else:
            found[entry.path] = int(entry.file_size or 0)
    return found


def _is_fresh(place: Path, listing: dict[str, int]) -> bool:
    try:
        return bool(json.loads((place / LISTING).read_text(encoding="utf-8")) == listing)
    except (OSError, ValueError):
        return False
