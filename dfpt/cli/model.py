"""``dfpt model``: look at candidates and production, and decide."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import options
from dfpt.errors import UsageError

if TYPE_CHECKING:
    from dfpt.registry.handle import Registry
    from dfpt.registry.listing import Entry

app = typer.Typer(no_args_is_help=True, help="Look at candidates and production, approve and reject.")

Model = Annotated[str, typer.Argument(metavar="NAME[/VERSION]", help="A registered model, e.g. elpv/3.")]
Version = Annotated[int | None, typer.Argument(metavar="[VERSION]", help="Its version, if not given as NAME/VERSION.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; stays in the log for ever.")]
As = Annotated[str | None, typer.Option("--as", metavar="PERSON", help="Who decides; else the user of this account.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check and say what would be done; change nothing.")]

_COLUMNS = ("accuracy", "macro_f1", "binary_accuracy", "defect_recall")


@app.command("list")
def list_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this model.")] = None,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """All candidates, and what is in production."""
    from dfpt.registry.listing import entries

    found = entries(_open(home), name)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(entry) for entry in found], indent=2, ensure_ascii=False))
    else:
        _print(_table(found) if found else "No models yet: dfpt run makes one.")


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

    name, number = _split(model, version)
    registry = _open(home)
    found = dataclasses.asdict(entry(registry, name, number))
    found["log"] = [
        {
            "at": record.at.isoformat(timespec="seconds"),
            "actor": record.actor,
            "account": record.account,
            "before": record.before,
            "after": record.after,
            "reason": record.reason,
        }
        for record in requests.log(registry.engine, name, number)
    ]
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _print(_page(found))


@app.command()
def approve(
    model: Model,
    reason: Reason,
    version: Version = None,
    person: As = None,
    dry_run: DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Put a candidate into production: its files are copied and hashed, and it becomes the champion."""
    from dfpt.registry import actor, promotion
    from dfpt.registry.champion import production_name
    from dfpt.registry.database import State

    name, number = _split(model, version)
    promotion.require_reason(reason)
    registry, who = _open(home), actor.current(person)
    before = promotion.find(registry, name, number)
    if before.state == State.PROMOTED:
        typer.echo(f"{before.model} is {production_name(name)}/{before.production_version} already; nothing to do.")
    elif dry_run:
        if before.state != State.APPROVED:
            promotion.check(registry, before)
        typer.echo(f"Would make {before.model} the champion of {production_name(name)}, approved by {who.name}.")
    else:
        done = promotion.approve(registry, name, number, who, reason)
        own = ", who asked for it himself or herself" if done.self_approved else ""
        typer.echo(
            f"{done.model} is {production_name(name)}/{done.production_version}, the champion; "
            f"approved by {done.decided_by}{own}."
        )


@app.command()
def reject(
    model: Model,
    reason: Reason,
    version: Version = None,
    person: As = None,
    dry_run: DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Say no to a candidate; the pipeline does not ask for the same weights again."""
    from dfpt.registry import actor, promotion, rejection

    name, number = _split(model, version)
    promotion.require_reason(reason)
    registry, who = _open(home), actor.current(person)
    if dry_run:
        typer.echo(f"Would reject {rejection.check(registry, name, number).model}, by {who.name}.")
    else:
        done = rejection.reject(registry, name, number, who, reason)
        typer.echo(f"{done.model} is rejected, by {done.decided_by}.")


def _open(home: Path) -> Registry:
    from dfpt.registry.handle import open_registry
    from dfpt.tracking import store

    home = options.use_home(home)
    if store.tracking_uri(home).startswith("sqlite:") and not (home / store.DATABASE).exists():
        raise UsageError(f"There is no registry in {home}.", "Name its folder with --home, or make one: dfpt run.")
    return open_registry(home)


def _split(model: str, version: int | None) -> tuple[str, int]:
    name, slash, number = model.partition("/")
    if slash and version is None and number.isdecimal():
        version = int(number)
    elif slash or version is None:
        raise UsageError(f"{model!r} names no version.", "Write NAME/VERSION; dfpt model list shows them.")
    return name, version


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
        table.add_row(record["at"], f"{record['after']} by {record['actor']}: {record['reason']}")
    return table


def _print(what: Any) -> None:
    from rich.console import Console

    Console(highlight=False).print(what)
