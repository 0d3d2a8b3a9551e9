"""``dfpt data quarantine``: the images that were not trained on, and letting one of them through."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from dfpt.cli import options

app = typer.Typer(no_args_is_help=True, help="Images that were not trained on, and why.")


@app.command("list")
def list_(
    source: Annotated[str | None, typer.Argument(metavar="SOURCE", help="Only of this source.")] = None,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """What is or was in quarantine."""
    from dfpt.datasets import quarantine

    found = quarantine.entries(home, source)
    if as_json:
        options.write_json([_json(entry) for entry in found])
        return
    for entry in found:
        state = f"released by {entry.release.by}: {entry.release.reason}" if entry.release else entry.state
        typer.echo(_printable(f"{entry.key}  {entry.source}  {entry.path}  {entry.reason}  ({state})"))
    waiting = sum(entry.release is None for entry in found)
    typer.echo(f"{waiting} in quarantine, {len(found) - waiting} released.")


@app.command()
def release(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="The first column of the list.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it may be trained on; recorded.")],
    person: Annotated[
        str | None, typer.Option("--as", metavar="PERSON", help="Who decides; else the user of this account.")
    ] = None,
    home: options.Home = options.DEFAULT_HOME,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Let the next run train on images in quarantine: all of those named, or none."""
    from dfpt.datasets import quarantine
    from dfpt.registry import actor

    entries = [quarantine.find(home, key) for key in dict.fromkeys(keys)]
    by = actor.current(person).name
    if not dry_run:
        entries = [quarantine.release(home, entry.key, by, reason) for entry in entries]
    if as_json:
        options.write_json([_json(entry) for entry in entries])
        return
    for entry in entries:
        typer.echo(_printable(f"{'Would release' if dry_run else 'Released'} {entry.path} ({entry.reason})."))


def _json(entry: Any) -> dict[str, Any]:
    return {**dataclasses.asdict(entry), "state": entry.state}


def _printable(text: str) -> str:
    """File names are strangers' words: no control sequence of theirs reaches the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
