"""``dfpt triggers``: what asks for a retraining by itself, and what has been asked for."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfpt.cli import options, serve

if TYPE_CHECKING:
    from dfpt.cluster.kfp import Pipelines
    from dfpt.errors import DfptError
    from dfpt.schedules.file import File, Work
    from dfpt.triggers.decision import Outcome

app = typer.Typer(no_args_is_help=True, help="What asks for a retraining by itself, as schedules.yaml declares it.")


@app.command("serve")
def serve_(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8081,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two looks at what is watched.")] = 900.0,
    submit: Annotated[bool, typer.Option("--submit", help="Carry requests out, as runs in the cluster.")] = False,
    lease: serve.Lease = 30.0,
    path: serve.ScheduleFile = serve.DEFAULT,
    home: options.Home = options.DEFAULT_HOME,
    config: options.ConfigFile = None,
) -> None:
    """Receive signed calls, look at what is watched, show metrics, until SIGTERM or Ctrl-C.

    POST /hooks/NAME, GET /metrics, /healthz, /readyz. Without --submit requests are filed alone: `dfpt schedule serve`
    carries them out on one machine. Of several with the same database all receive, and one looks and carries out.
    """
    from functools import partial

    from dfpt.schedules.file import read
    from dfpt.schedules.lease import LOOKS, RUNS, Lease
    from dfpt.triggers import server, watcher
    from dfpt.triggers.tables import open_tables

    file = read(path)
    config = options.config_file(config)
    store = open_tables(options.use_home(home))
    connect = partial(_connect, config)
    tasks = [partial(watcher.look, store, file, config, connect)]
    if submit:
        tasks.append(partial(watcher.in_cluster, store, connect, _submit(config, connect)))
    server.serve(store, file, host, port, every, tasks, Lease(store, RUNS if submit else LOOKS, lease))


@app.command()
def poll(
    path: serve.ScheduleFile = serve.DEFAULT,
    home: options.Home = options.DEFAULT_HOME,
    config: options.ConfigFile = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Look once at everything that is watched, and file what is to be filed; exit code 1 if one could not be seen."""
    from functools import partial

    from dfpt.errors import EXIT_FAILED, DfptError
    from dfpt.schedules.file import read
    from dfpt.triggers import watch
    from dfpt.triggers.tables import open_tables

    config, home = options.config_file(config), options.use_home(home)
    file, connect = read(path), partial(_connect, config)
    if dry_run:
        results = _rehearse(home, file, config, connect)
    else:
        results = watch.poll(open_tables(home), file, config, connect)
    shown = {name: _word(result) for name, result in results.items()}
    if as_json:
        options.write_json(shown)
    else:
        for name, word in shown.items():
            typer.echo(f"{name}: {'would be ' if dry_run and isinstance(results[name], str) else ''}{word}")
    if any(isinstance(result, DfptError) for result in results.values()):
        raise typer.Exit(EXIT_FAILED)


@app.command("list")
def list_(home: options.Home = options.DEFAULT_HOME, as_json: options.Json = False) -> None:
    """What has been asked for, the oldest first, and what became of it."""
    from rich.console import Console
    from rich.table import Table

    from dfpt.registry.rehearsal import rehearsed
    from dfpt.registry.store import exists
    from dfpt.triggers import requests
    from dfpt.triggers.tables import CHAIN, open_tables

    home = options.use_home(home)
    there = contextlib.nullcontext(open_tables(home)) if exists(home) else rehearsed(home, CHAIN)  # looking makes none
    with there as store:
        found = requests.filed(store)
    rows = [
        {
            "request": item.id,
            "trigger": item.trigger,
            "state": item.state,
            "filed_at": item.filed_at.isoformat(timespec="seconds"),
            "reason": item.reason,
            "run": json.loads(item.run),
            "run_id": item.run_id,
            "exit_code": item.exit_code,
        }
        for item in found
    ]
    if as_json:
        options.write_json(rows)
        return
    table = Table("request", "trigger", "state", "filed", "reason")
    for row in rows:
        table.add_row(str(row["request"]), row["trigger"], row["state"], row["filed_at"], row["reason"])
    Console(highlight=False).print(table)


def _rehearse(
    home: Path, file: File, config: Path | None, connect: Callable[[], Pipelines]
) -> dict[str, Outcome | DfptError | None]:
    """What poll would decide. Looking may take long, so the database is only held while it is decided."""
    import tempfile

    from dfpt.registry.rehearsal import rehearsed
    from dfpt.registry.store import Store, exists, open_store
    from dfpt.triggers import watch
    from dfpt.triggers.tables import CHAIN

    there = contextlib.nullcontext(open_store(home)) if exists(home) else rehearsed(home)
    with there as store, tempfile.TemporaryDirectory() as reports:
        seen = dict(watch.look(Store(home, store.engine), file, config, connect, Path(reports)))
    with rehearsed(home, CHAIN) as store:
        return {name: watch.decided(store, file, name, found) for name, found in seen.items()}


def _connect(config: Path | None) -> Pipelines:
    from dfpt import config as configuration
    from dfpt.cluster import connect

    return connect.pipelines(configuration.resolve(config).cluster)


def _submit(config: Path | None, connect: Callable[[], Pipelines]) -> Callable[[Work, str], str]:
    def submit(work: Work, name: str) -> str:
        from dfpt.cli import submit as cli
        from dfpt.cluster import submit
        from dfpt.runtime import code_revision

        resolved = work.config(config)
        package = cli.compiled(resolved)
        values = submit.parameters(resolved, package, cli.data_hash(resolved), code_revision())
        return str(submit.submit(connect(), resolved, package, values, name).run_id)

    return submit


def _word(result: object) -> str:
    from dfpt.errors import DfptError

    if isinstance(result, DfptError):
        return f"not looked at: {result.message}"
    return "nothing" if result is None else str(result)
