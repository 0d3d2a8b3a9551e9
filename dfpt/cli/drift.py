"""``dfpt data drift``: are the images of production still like those that the student was trained on?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import options, preparing

if TYPE_CHECKING:
    from dfpt.config import Config
    from dfpt.context import Reporter
    from dfpt.datasets.sample import Sample
    from dfpt.evaluation.drift import Student

_NAMED = 3  # features in the message


def command(
    reference: Annotated[
        str, typer.Option(metavar="DATAVERSION", help="A data version (dfpt model show names a model's), or a SOURCE.")
    ],
    current: Annotated[str, typer.Option(metavar="SOURCE", help="The images of today; labels are not looked at.")],
    level: Annotated[float, typer.Option(min=0.005, max=0.5, help="Share of alarms where nothing has moved.")] = 0.05,
    tolerance: Annotated[
        float, typer.Option(min=0, max=1, help="Distance (0 to 1) that a feature must have moved by for an alarm.")
    ] = 0.1,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the report; else HOME/data/drift.")] = None,
    home: options.Home = options.DEFAULT_HOME,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    assignments: options.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Compare the images of today with those of a data version; ends with 3 when they have drifted.

    Image statistics, and the answers and embedding of the model in production, else of the newest candidate. It is
    the model named after the reference's source; --set registration.name=NAME takes another.
    """
    from dfpt import files
    from dfpt.cli.bar import bar
    from dfpt.datasets.drift import page
    from dfpt.errors import DataDrifted
    from dfpt.evaluation import drift

    home = options.use_home(home)
    out = out or home / "data" / "drift"

    def configured(source: str, *more: str) -> Config:
        return preparing.resolved(source, config, profile, assignments, *more)

    with tempfile.TemporaryDirectory() as scratch, bar() as reporter:
        before = _reference(reference, home, Path(scratch), configured, reporter)
        student = _student(home, configured(before.task.source).registration.name)
        resolved = configured(current, f"data.image_size={before.task.image_size}")
        now = _prepared(resolved, Path(scratch) / "current", reporter)
        report, unlike = drift.report(before, now, student, reporter, level, tolerance)
        pictures = page.pictures(now, unlike) if report["different"] else {}
    files.write_json(out / "drift.json", report)
    files.write_text(out / "drift.html", page.render(report, pictures))
    if as_json:
        options.write_json(report | {"page": str(out / "drift.html")})
    else:
        _show(report, out / "drift.html")
    if report["drifted"]:
        moved = ", ".join(feature["name"] for feature in report["features"][:_NAMED])
        raise DataDrifted(
            f"The images of {current} have drifted away from {reference}; what moved most: {moved}.",
            f"Look at {out / 'drift.html'}. Mend what has changed, or label some of these images and train again.",
        )


def _reference(
    named: str, home: Path, scratch: Path, configured: Callable[[str], Config], reporter: Reporter
) -> Sample:
    """The images of a data version that ``home`` holds, else of a source, prepared as a run would."""
    from dfpt.datasets import sample, versions

    if versions.is_version(named):
        return sample.load(versions.find(home, named))
    return _prepared(configured(named), scratch / "reference", reporter)


def _prepared(config: Config, folder: Path, reporter: Reporter) -> Sample:
    from dfpt.datasets import sample

    preparing.prepare(config, folder, reporter)
    return sample.load(folder)


def _student(home: Path, name: str) -> Student | None:
    from dfpt.evaluation.drift import Student
    from dfpt.registry import newest

    found = newest.fetch(home, name)
    if found is None:
        return None
    return Student(f"{found.name}/{found.version} ({found.alias})", found.folder, found.data_hash)


def _show(report: dict[str, Any], page: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    about = report["student"]
    table = Table(title="What has moved, the most first", title_justify="left")
    for title in ("feature", "distance", "p", "shift, sd", "PSI"):
        table.add_column(title, justify="left" if title == "feature" else "right")
    for feature in report["features"]:
        shift = "-" if feature["shift"] is None else f"{feature['shift']:+.2f}"
        figures = f"{feature['distance']:.2f}", f"{feature['p_value']:.3f}", shift, f"{feature['stability_index']:.2f}"
        table.add_row(feature["name"], *figures)
    console = Console(highlight=False)
    console.print(table)
    for test in report["tests"]:
        console.print(f"{test['group']} together: p = {test['p_value']:.3f}")
    console.print(
        f"Student: {about['model']}." if about else "No model is registered: image statistics alone were compared."
    )
    verdict = "drift" if report["drifted"] else "different, within tolerance" if report["different"] else "no drift"
    counts = f"{report['current']['compared']} against {report['reference']['compared']} images"
    console.print(f"{counts}: {verdict} (p = {report['p_value']:.3f}). Report: {page}", soft_wrap=True)
