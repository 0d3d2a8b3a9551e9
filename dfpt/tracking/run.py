"""MLflow runs: one for the pipeline, one below it for every step, the same names in all of them."""

from __future__ import annotations

import contextlib
import csv
import getpass
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfpt.config import dump
from dfpt.settings import Section
from dfpt.tracking import store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

PARENT = "mlflow.parentRunId"  # MLflow's own tag
STEP = "dfpt.step"
CACHED = "dfpt.cached"
KIND = "dfpt.kind"
PIPELINE = "pipeline"
ERROR = "dfpt.error"
DATA_VERSION = "dfpt.data_version"  # of the prepared images; dfpt.data_hash is the fingerprint of the raw ones
HISTORY = "history.csv"

_NOT_IN_NAMES = re.compile(r"[^\w\-. :/]", re.ASCII)
_LONGEST_PARAM = 500
_PARAMS_IN_BATCH = 100  # MLflow's own limits
_METRICS_IN_BATCH = 1000
_FLUSH_SECONDS = 2.0
_EVIDENCE = {".csv", ".html", ".json"}
_DIGEST_LENGTH = 36  # MLflow's limit; the whole hash is in the tag


class TrackedRun:
    """An open run. Methods may be called from several threads.

    Figures are sent together every two seconds: an epoch may take less than MLflow takes to write one.
    """

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.run_id = run_id
        self._client = client
        self._waiting: list[Metric] = []
        self._sent = time.monotonic()
        self._lock = threading.Lock()

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Figures after epoch ``step`` (from 0)."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        with self._lock:
            self._waiting += [Metric(name, float(value), now, step) for name, value in values.items()]
            if time.monotonic() - self._sent >= _FLUSH_SECONDS:
                self._send()

    def history(self, path: Path) -> None:
        """The epochs of a ``history.csv``, as if they had just been reported."""
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                values = {name: float(text) for name, text in row.items() if name != "epoch" and text}
                self.metrics(values, int(float(row["epoch"])))

    def params(self, config: Section) -> None:
        """Every key of ``config`` as ``section.key``; long values are cut, ``config.yaml`` has them whole."""
        from mlflow.entities import Param

        params = [Param(name, text[:_LONGEST_PARAM]) for name, text in flatten(config.model_dump(mode="json")).items()]
        for start in range(0, len(params), _PARAMS_IN_BATCH):
            self._client.log_batch(self.run_id, params=params[start : start + _PARAMS_IN_BATCH])
        self._client.log_text(self.run_id, dump(config), "config.yaml")

    def tags(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        self._client.log_batch(self.run_id, tags=[RunTag(name, value) for name, value in tags.items()])

    def dataset(self, source: str, data_hash: str) -> None:
        """The data that went in, as an MLflow dataset."""
        from mlflow.entities import Dataset, DatasetInput

        data = Dataset(
            name=source, digest=data_hash[:_DIGEST_LENGTH], source_type="dfpt", source=json.dumps({"sha256": data_hash})
        )
        self._client.log_inputs(self.run_id, [DatasetInput(data)])

    def evidence(self, folder: Path) -> None:
        """The reports in a step's output folder: its CSV, HTML and JSON files, no arrays and no weights."""
        for file in sorted(folder.iterdir()):
            if file.is_file() and file.suffix in _EVIDENCE:
                self._client.log_artifact(self.run_id, str(file))

    def flush(self) -> None:
        with self._lock:
            self._send()

    def _send(self) -> None:
        for start in range(0, len(self._waiting), _METRICS_IN_BATCH):
            self._client.log_batch(self.run_id, metrics=self._waiting[start : start + _METRICS_IN_BATCH])
        self._waiting = []
        self._sent = time.monotonic()


@contextlib.contextmanager
def parent_run(
    name: str, config: Section, source: str, data_hash: str, uri: str, experiment_id: str, tags: Mapping[str, str]
) -> Iterator[TrackedRun]:
    """The run of the whole pipeline.

    Args:
        name: as it is shown.
        config: resolved; logged whole as ``config.yaml``, and as params.
        source, data_hash: the data.
        tags: lineage, e.g. ``dfpt.code_revision``, ``dfpt.git_revision``.
    """
    client = store.client(uri)
    own = {KIND: PIPELINE, "dfpt.data_hash": data_hash, **tags}
    run = TrackedRun(client, client.create_run(experiment_id, run_name=name, tags=_user() | own).info.run_id)
    with _closing(client, run, lambda: False):
        run.params(config)
        run.dataset(source, data_hash)
        yield run


@contextlib.contextmanager
def step_run(
    parent: str | None,
    step: str,
    config: Section,
    uri: str,
    experiment_id: str,
    tags: Mapping[str, str],
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[TrackedRun]:
    """The run of one step, below ``parent``.

    Kubeflow's own MLflow support hands over a run as MLFLOW_RUN_ID. It is taken as the step's own where it lies below
    another run already, and as the parent where it is a root; ``parent`` goes first.

    Args:
        tags: lineage, e.g. ``dfpt.data_hash``, ``dfpt.code_revision``, ``dfpt.git_revision``.
        cancelled: asked when the step has failed: a run that somebody stopped is KILLED, not FAILED.
    """
    client = store.client(uri)
    tags = {STEP: step, CACHED: "false", **tags}
    given = os.environ.get("MLFLOW_RUN_ID")
    if parent is None and given and PARENT in client.get_run(given).data.tags:
        run = TrackedRun(client, given)
        client.update_run(given, status="RUNNING")
        run.tags(tags)
    else:
        above = parent or given
        tags |= _user() | ({PARENT: above} if above else {})
        run = TrackedRun(client, client.create_run(experiment_id, run_name=step, tags=tags).info.run_id)
    with _closing(client, run, cancelled):
        run.params(config)
        yield run


def record_cached(
    parent: str | None,
    step: str,
    config: Section,
    metrics: Mapping[str, float],
    folders: Mapping[str, Path],
    uri: str,
    experiment_id: str,
    tags: Mapping[str, str],
    data: tuple[str, str] | None = None,
) -> str:
    """A finished run for a step whose earlier result was taken, with that result's figures and reports.

    Args:
        folders: the step's outputs.
        data: source and hash of the data that the step has read, if any.
    """
    with step_run(parent, step, config, uri, experiment_id, {**tags, CACHED: "true"}) as run:
        if data:
            run.dataset(*data)
            run.tags({DATA_VERSION: data[1]})
        for folder in folders.values():
            if (folder / HISTORY).exists():
                run.history(folder / HISTORY)
            run.evidence(folder)
        run.metrics(metrics)
    return run.run_id


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as ``section.key`` -> text; what MLflow takes in no name becomes a dash (``wafer-mono``)."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[_NOT_IN_NAMES.sub("-", f"{prefix}{key}")] = value if isinstance(value, str) else json.dumps(value)
    return flat


@contextlib.contextmanager
def _closing(client: MlflowClient, run: TrackedRun, cancelled: Callable[[], bool]) -> Iterator[None]:
    """End the run with the status that fits; the figures of a failed one are kept as well."""
    status = "FINISHED"
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt) or cancelled()
        status = "KILLED" if stopped else "FAILED"
        with contextlib.suppress(Exception):  # the step's own error is the one to hear of
            run.tags({ERROR: f"{type(error).__name__}: {error}"})
            run.flush()
            client.set_terminated(run.run_id, status)
        raise
    run.flush()
    client.set_terminated(run.run_id, status)


def _user() -> dict[str, str]:
    try:
        return {"mlflow.user": getpass.getuser()}
    except (KeyError, OSError):  # a container's user has no name
        return {}
