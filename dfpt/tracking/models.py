"""The runs below a pipeline's that made a model: the same test figures on each of them, and a page that compares."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dfpt.tracking import store
from dfpt.tracking.run import KIND, PARENT, PIPELINE, STEP

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MAKERS = {"teacher": "train-teacher", "baseline": "train-baseline", "student": "distil"}


def figures(models: Mapping[str, Mapping[str, Any]], model: str) -> dict[str, float]:
    """The flat figures of one model of an evaluation report: what is no number is left out."""
    return {
        name: float(value)
        for name, value in models[model].items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def record_test_figures(uri: str, parent: str, report: Mapping[str, Any]) -> None:
    """Log what evaluate found, as ``test_accuracy`` and so on, on the runs that made the models.

    So MLflow's own comparison of the three shows it.

    Args:
        parent: the pipeline's run.
        report: evaluate's ``report.json``.
    """
    from mlflow.entities import Metric

    client = store.client(uri)
    below = {run.data.tags.get(STEP): run for run in _below(client, client.get_run(parent))}
    now = int(time.time() * 1000)
    for model, step in MAKERS.items():
        if step in below and model in report["models"]:
            found = figures(report["models"], model)
            metrics = [Metric(f"test_{name}", value, now, 0) for name, value in found.items()]
            client.log_batch(below[step].info.run_id, metrics=metrics)


def last_makers(client: MlflowClient) -> tuple[str, list[str]] | None:
    """(experiment, runs that made the models) of the newest pipeline run that made any; None where there is none."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    for pipeline in client.search_runs(
        experiments, f"tags.`{KIND}` = '{PIPELINE}'", order_by=["attributes.start_time DESC"], max_results=20
    ):
        below = {run.data.tags.get(STEP): run.info.run_id for run in _below(client, pipeline)}
        if runs := [below[step] for step in MAKERS.values() if step in below]:
            return pipeline.info.experiment_id, runs
    return None


def comparison_url(ui: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """The page of MLflow's UI at ``ui`` that puts runs side by side."""
    runs, experiments = (quote(json.dumps(ids, separators=(",", ":"))) for ids in (list(run_ids), [experiment_id]))
    return f"{ui.rstrip('/')}/#/compare-runs?runs={runs}&experiments={experiments}"


def _below(client: MlflowClient, parent: Run) -> list[Run]:
    """The steps' runs, the oldest first."""
    return list(
        client.search_runs(
            [parent.info.experiment_id],
            f"tags.`{PARENT}` = '{parent.info.run_id}'",
            order_by=["attributes.start_time ASC"],
        )
    )
