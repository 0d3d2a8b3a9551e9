"""``dfpt data``: get images, and see what the pipeline would say of them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from dfpt.cli import drift, options, preparing, profile, quarantine, versions

app = typer.Typer(no_args_is_help=True, help="Fetch images and check them.")
app.command("drift")(drift.command)
app.command("profile")(profile.command)
app.command("add")(versions.add)
app.command("pin")(versions.pin)
app.command("push")(versions.push)
app.command("pull")(versions.pull)
app.command("versions")(versions.versions)
app.add_typer(quarantine.app, name="quarantine")

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="elpv, digits, folder:PATH, parquet:PATH, cifar10:PATH, cifar100:PATH or mlflow:RUN/ARTIFACT",
    ),
]


@app.command()
def fetch(
    source: SourceArgument,
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write to; else data/NAME.")] = None,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    assignments: options.Assignments = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Write a source's images as they are, with a manifest that has their labels and splits."""
    from dfpt.cli.bar import bar
    from dfpt.datasets import fetch as fetching
    from dfpt.datasets.sources import resolve

    resolved = preparing.resolved(source, config, profile, assignments)
    out = out or Path("data") / _name(source)
    found = resolve(source)
    fetching.check(found, out)
    if not dry_run:
        with tempfile.TemporaryDirectory() as scratch, bar() as reporter:
            dataset = Path(scratch) / "dataset"
            preparing.prepare(resolved, dataset, reporter)
            fetching.write(found, dataset, out)
    report = {
        "source": source,
        "out": str(out),
        "images": len(found.items),
        "classes": list(found.classes),
        "licence": found.licence,
        "written": not dry_run,
    }
    if as_json:
        options.write_json(report)
    else:
        typer.echo(f"{'Would write' if dry_run else 'Wrote'} {len(found.items)} images and their manifest to {out}.")
        if found.notice:
            typer.echo(found.notice)


@app.command()
def validate(
    source: SourceArgument,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the report; else HOME/data/NAME.")] = None,
    home: options.Home = options.DEFAULT_HOME,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    assignments: options.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Check whether a source is fit to train on; ends with 3 when it is not."""
    from dfpt.cli.bar import bar
    from dfpt.config import ValidateConfig, with_expectations
    from dfpt.context import Context
    from dfpt.errors import DataRefused
    from dfpt.steps import validate as validation

    resolved = preparing.resolved(source, config, profile, assignments)
    home = options.use_home(home)
    out = out or home / "data" / _name(source)
    refused: DataRefused | None = None
    with tempfile.TemporaryDirectory() as scratch, bar() as reporter:
        dataset = Path(scratch) / "dataset"
        preparing.prepare(resolved, dataset, reporter, home)
        try:
            settings = ValidateConfig(validation=with_expectations(resolved))
            validation.run({"dataset": dataset}, {"validation": out}, settings, Context(home, Path(scratch), reporter))
        except DataRefused as error:
            refused = error  # the report is there all the same
    report = json.loads((out / "validation.json").read_text(encoding="utf-8"))
    if as_json:
        options.write_json(report | {"page": str(out / "validation.html")})
    else:
        for check in report["expectations"]:
            if not check["passed"]:
                typer.echo(f"{check['severity']}: {check['found']}. {check['remedy']}")
        typer.echo(
            f"{report['images']} images found: {report['accepted']} accepted, {report['quarantined']} in quarantine, "
            f"{report['refused']} refused. Report: {out / 'validation.html'}"
        )
        if report["rejected"]:
            typer.echo(f"What was not accepted, and why: {out / 'rejected.csv'}")
    if refused:
        raise refused


def _name(source: str) -> str:
    """A folder's name for a source: its kind, or the last part of its place."""
    return Path(source.partition(":")[2] or source).expanduser().resolve().name or "data"
