"""validate: is the data fit to train on? The suite's outcomes as JSON, as a page, and as accepted and rejected rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dfpt import files
from dfpt.config import ValidateConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.datasets import imageset, manifest, quality, quarantine, suite, validation_page
from dfpt.datasets.splits import SPLITS
from dfpt.datasets.suite import Outcome
from dfpt.datasets.task import Task
from dfpt.errors import DataRefused

if TYPE_CHECKING:
    from pandas import DataFrame


def run(inputs: Inputs, outputs: Outputs, config: ValidateConfig, context: Context) -> Metrics:
    """Check the data set and write the report, which is there too when the data is refused.

    Raises:
        DataRefused: a critical check failed.
        UsageError: the data set is missing or damaged.
    """
    dataset, validation = inputs["dataset"], outputs["validation"]
    task = Task.load(dataset)
    images = imageset.open_images(dataset, task)
    table = manifest.read(dataset)
    table = table.assign(row=range(len(table)))
    context.reporter.progress(0, 1, "checks")

    outcomes = suite.evaluate(suite.schema(task), {"manifest": table})
    accepted, rejected = table.head(0), table.head(0).assign(reason="", position=0, refused=False, releasable=False)
    if outcomes[0].passed:
        rejected = quality.rejections(table, task, quarantine.released(context.home, task.source))
        accepted = table.drop(index=rejected.index)
        wanted = suite.checks(task, config.validation, manifest.GROUP in table)
        outcomes += suite.evaluate(wanted, quality.tables(table, accepted, task))

    report = quality.report(task, outcomes, len(table), accepted, rejected)
    page = validation_page.render(report, rejected, validation_page.examples(images, accepted, task))
    _write(validation, report, page, accepted, rejected)
    context.reporter.progress(1, 1, "checks")
    _refuse_if_critical(task, outcomes)
    return {
        "images": float(len(table)),
        "accepted": float(len(accepted)),
        "rejected": float(len(rejected)),
        "quarantined": float(report["quarantined"]),
        "refused": float(report["refused"]),
        "warnings": float(sum(not outcome.passed for outcome in outcomes)),
        **{split: float((accepted["split"] == split).sum()) for split in SPLITS},
    }


def _write(folder: Path, report: quality.Report, page: str, accepted: DataFrame, rejected: DataFrame) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    manifest.write(accepted, folder)
    with files.replacing(folder / "rejected.csv") as partial:
        rejected.to_csv(partial, columns=list(quality.REJECTED), index=False)
    with files.replacing(folder / "validation.html") as partial:
        partial.write_text(page, encoding="utf-8")
    files.write_json(folder / "validation.json", report)


def _refuse_if_critical(task: Task, outcomes: list[Outcome]) -> None:
    failed = [outcome for outcome in outcomes if outcome.check.severity == "critical" and not outcome.passed]
    if failed:
        others = f" (and {len(failed) - 1} more critical checks)" if len(failed) > 1 else ""
        raise DataRefused(
            f"Data source {task.source!r} is not fit to train on: {failed[0].found}{others}.",
            f"{failed[0].check.remedy} Everything found is in validation.html.",
        )
