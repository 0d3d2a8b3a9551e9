"""``dfpt schedule``: the recurring runs that schedules.yaml declares, in the cluster and on one machine."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfpt.cli import options, serve

if TYPE_CHECKING:
    from dfpt.cluster.kfp import Pipelines
    from dfpt.cluster.versions import Package
    from dfpt.schedules.file import File
    from dfpt.schedules.plan import Change, Desired

app = typer.Typer(no_args_is_help=True, help="Recurring runs, as schedules.yaml declares them.")
app.command("serve")(serve.command)

ScheduleFile = serve.ScheduleFile
Schedule = Annotated[str, typer.Argument(metavar="NAME", help="A schedule of the file.")]


@dataclass(frozen=True)
class _Opened:
    file: File
    wanted: list[Desired]
    package: Package
    pipelines: Pipelines
    experiment: str


@app.command()
def check(
    path: ScheduleFile = serve.DEFAULT,
    count: Annotated[int, typer.Option("--next", min=0, help="How many times to come.")] = 3,
    as_json: options.Json = False,
) -> None:
    """Check the file, and show when each schedule fires next. Asks nobody."""
    from datetime import UTC, datetime

    from dfpt.schedules import cron
    from dfpt.schedules.file import read

    now = datetime.now(UTC)
    coming = {}
    for name, item in read(path).schedules.items():
        where = cron.zone(item.timezone)
        moments = cron.first(cron.parse(item.cron), where, now, count)
        coming[name] = [moment.astimezone(where).isoformat() for moment in moments]
    if as_json:
        options.write_json(coming)
    else:
        for name, texts in coming.items():
            typer.echo(f"{name}: {', '.join(texts) or 'valid'}")
        if not coming:
            typer.echo(f"{path} has no schedules.")


@app.command()
def diff(path: ScheduleFile = serve.DEFAULT, config: options.ConfigFile = None, as_json: options.Json = False) -> None:
    """Say what apply would change in the cluster."""
    from dfpt.schedules import cluster

    opened = _open(path, config)
    planned = cluster.changes(opened.pipelines, opened.wanted, opened.package, opened.file.owner)
    _say(planned, as_json, "would be done")


@app.command()
def apply(
    path: ScheduleFile = serve.DEFAULT,
    config: options.ConfigFile = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Make the cluster's recurring runs equal to the file; what others own is not touched."""
    from dfpt.schedules import cluster

    if dry_run:
        diff(path, config, as_json)
        return
    opened = _open(path, config)
    done = cluster.apply(opened.pipelines, opened.wanted, opened.package, opened.experiment, opened.file.owner)
    _say(done, as_json, "done")


@app.command("list")
def list_(path: ScheduleFile = serve.DEFAULT, config: options.ConfigFile = None, as_json: options.Json = False) -> None:
    """The recurring runs in the cluster, and whose they are."""
    from rich.console import Console
    from rich.table import Table

    from dfpt.schedules import cluster
    from dfpt.schedules.file import read

    owner = read(path).owner if path.exists() else None
    rows = [
        {"name": item.name, "cron": item.cron, "enabled": item.enabled, "owner": item.owner, "id": item.id}
        | {"ours": item.owner == owner if owner else None}
        for item in cluster.found(_connect(config))
    ]
    if as_json:
        options.write_json(rows)
        return
    table = Table("name", "cron (cluster's zone)", "state", "owner", "id")
    for row in rows:
        state = "enabled" if row["enabled"] else "paused"
        table.add_row(str(row["name"]), str(row["cron"]), state, str(row["owner"] or "-"), str(row["id"]))
    Console(highlight=False).print(table)


def _switch(name: str, explained: str, enabled: bool) -> None:
    """A command that lets a schedule rest or go on."""

    @app.command(name, help=explained)
    def switch(
        name: Schedule,
        path: ScheduleFile = serve.DEFAULT,
        config: options.ConfigFile = None,
        dry_run: options.DryRun = False,
        as_json: options.Json = False,
    ) -> None:
        _set(name, path, config, dry_run, as_json, enabled)


_switch("pause", "Let a schedule rest. It stays so through apply, unless the file says enabled: true.", enabled=False)
_switch("resume", "Let a paused schedule go on, from its next time: nothing is caught up.", enabled=True)


@app.command()
def trigger(
    name: Schedule,
    path: ScheduleFile = serve.DEFAULT,
    config: options.ConfigFile = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Start a run of a schedule now, unless one of it is under way."""
    from dfpt.schedules import cluster
    from dfpt.schedules.file import read

    owner = read(path).owner
    run, started = cluster.trigger(_connect(config), name, owner, dry_run)
    shown = {"run": run.run_id if run else None, "name": run.display_name if run else None, "started": started}
    if run is None:
        sentence = f"Would start a run of {name}."
    else:
        nothing = f"Nothing {'would be' if dry_run else 'was'} started, because one of {name} is under way:"
        sentence = f"{'Started' if started else nothing} {run.display_name}: dfpt pipeline status {run.run_id}"
    options.say(sentence, shown | {"dry_run": dry_run}, as_json)


def _set(name: str, path: Path, config: Path | None, dry_run: bool, as_json: bool, enabled: bool) -> None:
    from dfpt.schedules import cluster
    from dfpt.schedules.file import read

    file = read(path)
    changed = cluster.pause(_connect(config), name, file.owner, enabled, dry_run)
    declared = file.schedules.get(name)
    undone = declared is not None and declared.enabled is not None and declared.enabled != enabled
    word = "would be" if dry_run and changed else "is"
    sentence = f"{name} {word} {'enabled' if enabled else 'paused'}{'' if changed else ' already'}."
    if undone:
        sentence += f"\nThe file says enabled: {str(not enabled).lower()}: the next apply undoes this."
    shown = {"name": name, "enabled": enabled, "changed": changed, "undone_by_apply": undone, "dry_run": dry_run}
    options.say(sentence, shown, as_json)


def _open(path: Path, config: Path | None) -> _Opened:
    """The file, what it asks for, and the cluster."""
    from dfpt import config as configuration
    from dfpt.cli import submit
    from dfpt.cluster import connect, versions
    from dfpt.runtime import code_revision
    from dfpt.schedules import cluster
    from dfpt.schedules.file import read

    file = read(path)
    config = options.config_file(config)
    resolved = configuration.resolve(config)
    package = versions.for_schedules(submit.compiled(resolved))
    wanted = cluster.desired(file, config, package, code_revision())
    return _Opened(file, wanted, package, connect.pipelines(resolved.cluster), resolved.cluster.experiment)


def _connect(config: Path | None) -> Pipelines:
    from dfpt import config as configuration
    from dfpt.cluster import connect

    return connect.pipelines(configuration.resolve(options.config_file(config)).cluster)


def _say(changes: list[Change], as_json: bool, how: str) -> None:
    if as_json:
        options.write_json([dataclasses.asdict(change) for change in changes])
        return
    for change in changes:
        typer.echo(f"{change.deed:<8} {change.name}: {change.why}")
    typer.echo(f"{len(changes)} changes {how}." if changes else "The cluster is as the file says.")
