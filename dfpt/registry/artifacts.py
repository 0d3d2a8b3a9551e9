"""The files of a registered version: where they are, and whether they are still what was recorded."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dfpt import files
from dfpt.registry.errors import BytesChanged
from dfpt.tracking import store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

STUDENT = "student"  # the weights of record, as the pipeline made them
EVIDENCE = "evidence"
WEIGHTS = "model.safetensors"
WEIGHTS_TAG = store.WEIGHTS_TAG
GONE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # MLflow's words for what is not there
ARTIFACT_TAG = "dfpt.artifact_sha256"


def local(version: ModelVersion, uri: str, scratch: Path | None = None) -> Path:
    """The folder of a version: its source itself where that is on this machine, else a copy brought here.

    Args:
        scratch: where the copy goes, so that it goes when this folder goes; None: it stays.
    """
    return fetch(str(version.source), uri, scratch)


def fetch(source: str, uri: str, scratch: Path | None = None) -> Path:
    """The same, of any place in MLflow's artifacts."""
    import mlflow.artifacts

    here = source.startswith(("/", "file:"))  # MLflow would copy it
    target = None if scratch is None or here else str(scratch)
    return Path(mlflow.artifacts.download_artifacts(artifact_uri=source, tracking_uri=uri, dst_path=target))


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for copies, which goes with them at the end: a service decides for months."""
    with tempfile.TemporaryDirectory(prefix="dfpt-artifacts-") as folder:
        yield Path(folder)


def find(version: ModelVersion, uri: str, scratch: Path | None = None) -> Path | None:
    """Like :func:`local`; None where the files are gone. That MLflow is away says nothing about them, and is raised."""
    from mlflow import MlflowException

    try:
        return local(version, uri, scratch)
    except (MlflowException, OSError) as error:
        if not _says_gone(error):
            raise
        return None


def _says_gone(error: Exception) -> bool:
    from mlflow import MlflowException
    from requests import RequestException

    if isinstance(error, MlflowException):
        return error.error_code in GONE
    nameless = (None, errno.ENOENT, errno.ENOTDIR)  # MLflow's own OSError has no number
    return isinstance(error, OSError) and not isinstance(error, RequestException) and error.errno in nameless


def check(model: str, folder: Path, artifact_sha256: str, weights_sha256: str) -> None:
    """Compare the files with the sums recorded.

    Raises:
        BytesChanged: they differ, or are gone.
    """
    weights = folder / STUDENT / WEIGHTS
    for path, expected in ((folder, artifact_sha256), (weights, weights_sha256)):
        found = files.sha256(path) if path.exists() else "none"
        if found != expected:
            raise BytesChanged(model, path, expected, found)
