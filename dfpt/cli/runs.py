"""``dfpt pipeline status`` and ``logs``: the pipeline's runs in the cluster."""

from __future__ import annotations

import itertools
from typing import Annotated

import typer

from dfpt.cli import options

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, as submit and status show it.")]


def status(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run's id; else the newest runs.")] = None,
    count: Annotated[int, typer.Option("--last", min=1, help="How many runs to show.")] = 10,
    assignments: options.Assignments = None,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    as_json: options.Json = False,
) -> None:
    """How far a run in the cluster is, step by step; without a run, the newest ones."""
    from rich.console import Console
    from rich.table import Table

    from dfpt import config as configuration
    from dfpt.cli.submit import as_object, explained
    from dfpt.cluster import connect, outcome

    resolved = configuration.resolve(options.config_file(config), profile, assignments or ())
    pipelines = connect.pipelines(resolved.cluster)
    console = Console(highlight=False)
    if run is not None:
        found = pipelines.run(run)
        steps, result = outcome.steps(found), explained(found, resolved.cluster.namespace)
        if as_json:
            options.write_json(as_object(run, found.display_name, result, steps))
            return
        table = Table("step", "state", "seconds", "message")
        for step in steps:
            took = "" if step.seconds is None else f"{step.seconds:.0f}"
            table.add_row(step.name, step.state, took, step.message)
        console.print(table)
        typer.echo(result.reason)
        return
    experiment = pipelines.experiment(resolved.cluster.experiment)
    newest = [] if experiment is None else list(itertools.islice(pipelines.runs(experiment.experiment_id), count))
    rows = [
        {
            "run": item.run_id,
            "name": item.display_name,
            "state": item.state,
            "created_at": item.created_at.isoformat() if item.created_at else None,
            "recurring_run": item.recurring_run_id,
        }
        for item in newest
    ]
    if as_json:
        options.write_json(rows)
        return
    table = Table("run", "name", "state", "created")
    for row in rows:
        table.add_row(row["run"], row["name"], row["state"], row["created_at"])
    console.print(table)


def logs(
    run: Run,
    step: Annotated[str | None, typer.Argument(metavar="[STEP]", help="Of this step alone.")] = None,
    tail: Annotated[int | None, typer.Option(min=1, help="The last lines of each pod.")] = None,
    assignments: options.Assignments = None,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    as_json: options.Json = False,
) -> None:
    """What a run's steps have printed, from the pods that are still there."""
    from dfpt import config as configuration
    from dfpt.cluster.pods import Pods
    from dfpt.graph import STEPS

    wanted = options.known_step(step, STEPS) if step else None
    resolved = configuration.resolve(options.config_file(config), profile, assignments or ())
    found = Pods(resolved.cluster.namespace).logs(run, wanted, tail)
    if as_json:
        options.write_json([{"pod": pod.name, "step": pod.step, "log": text} for pod, text in found])
        return
    for pod, text in found:
        typer.echo(f"=== {pod.step} ({pod.name})\n{text.rstrip()}")
