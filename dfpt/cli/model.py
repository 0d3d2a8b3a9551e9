"""``dfpt model``: look at candidates and production. What people decide is in :mod:`dfpt.cli.decisions`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import decisions, history, options, robustness, shadow
from dfpt.cli.deciding import As, Model, Version, open_registry, require_version, split
from dfpt.errors import EXIT_REFUSED

if TYPE_CHECKING:
    from dfpt.registry.listing import Entry

app = typer.Typer(no_args_is_help=True, help="Look at candidates and production, approve, reject, roll back.")

_COLUMNS = ("accuracy", "macro_f1", "binary_accuracy", "defect_recall")


@app.command("list")
def list_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this model.")] = None,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """All candidates, and what is in production."""
    from dfpt.registry.listing import entries

    found = entries(open_registry(home), name)
    if as_json:
        options.write_json([dataclasses.asdict(entry) for entry in found])
    else:
        nothing = f"No model is called {name}." if name else "No models yet: dfpt run makes one."
        _print(_table(found) if found else nothing)


@app.command()
def show(
    model: Model,
    version: Version = None,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """One version: its figures, where it comes from, and everything that happened to it."""
    from dfpt.registry import requests
    from dfpt.registry.listing import entry

    name, given = split(model, version)
    number = require_version(name, given)
    registry = open_registry(home)
    found = dataclasses.asdict(entry(registry, name, number))
    found["log"] = [
        {
            "at": record.at,
            "actor": record.actor,
            "account": record.account,
            "origin": record.origin,
            "action": record.action,
            "before": record.before,
            "after": record.after,
            "reason": record.reason,
        }
        for record in requests.log(registry.engine, name, number)
    ]
    if as_json:
        options.write_json(found)
    else:
        _print(_page(found))


@app.command()
def sweep(
    person: As = None,
    dry_run: options.DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """Finish what was cut off, expire what is overdue, approve what the policy approves by itself."""
    from dfpt.registry import actor, maintenance

    deed = maintenance.planned if dry_run else maintenance.sweep
    swept = deed(open_registry(home), actor.current(person))
    done = {
        "finished": swept.finished,
        "expired": [request.model for request in swept.expired],
        "promoted": [request.model for request in swept.promoted],
        "refused": [error.message for error in swept.refused],
    }
    if as_json:
        options.write_json(done | {"dry_run": dry_run})
    else:
        for what, models in done.items():
            typer.echo(f"{'would be ' if dry_run else ''}{what}: {', '.join(models) or 'nothing'}")
    if swept.refused:
        raise typer.Exit(EXIT_REFUSED)


decisions.register(app)
app.command("history")(history.command)
app.command("robustness")(robustness.command)
app.command("shadow")(shadow.command)


def _table(found: list[Entry]) -> Any:
    from rich.table import Table

    table = Table()
    for title in ("model", "status", "aliases", *(column.replace("_", " ") for column in _COLUMNS), "registered"):
        table.add_column(title, justify="right" if title in ("accuracy", "macro f1") else "left")
    for entry in found:
        figures = (entry.metrics.get(column) for column in _COLUMNS)
        table.add_row(
            f"{entry.name}/{entry.version}",
            entry.status,
            ", ".join(entry.aliases),
            *("-" if figure is None else f"{figure:.1%}" for figure in figures),
            entry.registered_at[:16].replace("T", " "),
        )
    return table


def _page(found: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(
        title=f"{found['name']}/{found['version']}: {found['status']}", title_justify="left", show_header=False
    )
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for key in ("aliases", "registered_at", "weights_sha256", "source"):
        table.add_row(key, ", ".join(found[key]) if key == "aliases" else str(found[key]))
    table.add_section()
    for key, value in found["metrics"].items():
        table.add_row(key, f"{value:,.4g}" if key != "parameters" else f"{value:,.0f}")
    table.add_section()
    for key, value in found["tags"].items():
        table.add_row(key, value)
    table.add_section()
    for record in found["log"]:
        said = record["after"] if record["after"] != record["before"] else record["action"]
        table.add_row(record["at"][:19] + "Z", f"{said} by {record['actor']}: {record['reason']}")
    return table


def _print(what: Any) -> None:
    from rich.console import Console

    Console(highlight=False).print(what)
