"""validate: is the data fit to train on? The suite's outcomes as JSON, as a page, and as accepted and rejected rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dfpt import files
from dfpt.config import ValidateConfig
from dfpt.context import Context, Inputs, Metrics, Outputs
from dfpt.datasets import (
    checking,
    contact_sheet,
    data_docs,
    imageset,
    manifest,
    originals,
    quality,
    quarantine,
    validation_page,
    version_record,
)
from dfpt.datasets.asking import Outcome
from dfpt.datasets.checking import Checked
from dfpt.datasets.splits import SPLITS
from dfpt.datasets.task import Task
from dfpt.errors import DataRefused

if TYPE_CHECKING:
    from pandas import DataFrame


def run(inputs: Inputs, outputs: Outputs, config: ValidateConfig, context: Context) -> Metrics:
    """Check the data set and write the report, which is there too when the data is refused.

    What the suite keeps out goes into the quarantine of the state folder, which also remembers every version that was
    fit to train on.

    Raises:
        DataRefused: a critical check failed.
        UsageError: the data set is missing or damaged, or the suite is not valid.
        StepFailed: the disk is full.
    """
    dataset, validation = inputs["dataset"], outputs["validation"]
    task = Task.load(dataset)
    images = imageset.open_images(dataset, task)
    table = manifest.read(dataset)
    table = table.assign(row=range(len(table)))
    context.reporter.progress(0, 1, "checks")

    free = quarantine.released(context.home, task.source)
    found = checking.check(images, table, task, config.validation, free, context.home)
    quarantine.keep(context.home, task.source, found.held_back, originals.reader(task.source, table, images))
    report = quality.report(task, found.outcomes, len(table), found.accepted, found.rejected, found.about)
    suspicious = quality.suspicious(found.outcomes)
    sheets = contact_sheet.sheets(images, table, found.rejected, suspicious)
    page = validation_page.render(
        report, found.rejected, validation_page.examples(images, found.accepted, task), sheets
    )
    _write(validation, report, page, found, suspicious)
    if config.validation.data_docs:
        data_docs.write(validation / "data_docs", found.outcomes)
    context.reporter.progress(1, 1, "checks")
    _refuse_if_critical(task, found.outcomes)
    if found.record is not None:
        version_record.keep(context.home, found.record)
    return {
        "images": float(len(table)),
        "accepted": float(len(found.accepted)),
        "rejected": float(len(found.rejected)),
        "quarantined": float(report["quarantined"]),
        "refused": float(report["refused"]),
        "suspicious": float(report["suspicious"]),
        "warnings": float(sum(not outcome.passed for outcome in found.outcomes)),
        **{split: float((found.accepted["split"] == split).sum()) for split in SPLITS},
    }


def _write(folder: Path, report: quality.Report, page: str, found: Checked, suspicious: list[dict[str, str]]) -> None:
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    manifest.write(found.accepted, folder)
    _csv(found.rejected, quality.REJECTED, folder / "rejected.csv")
    _csv(pd.DataFrame(suspicious, columns=list(quality.SUSPICIOUS)), quality.SUSPICIOUS, folder / "suspicious.csv")
    files.write_text(folder / "validation.html", page)
    files.write_json(folder / "validation.json", report)


def _csv(table: DataFrame, columns: tuple[str, ...], path: Path) -> None:
    with files.replacing(path) as partial:
        table.to_csv(partial, columns=list(columns), index=False)


def _refuse_if_critical(task: Task, outcomes: list[Outcome]) -> None:
    failed = [outcome for outcome in outcomes if outcome.check.severity == "critical" and not outcome.passed]
    if failed:
        others = f" (and {len(failed) - 1} more critical checks)" if len(failed) > 1 else ""
        raise DataRefused(
            f"Data source {task.source!r} is not fit to train on: {failed[0].found}{others}.",
            f"{failed[0].check.remedy} Everything found is in validation.html.",
        )
