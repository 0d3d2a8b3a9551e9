"""``dfpt bench drift``: how often the drift test cries, with reason and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dfpt.cli import options


def command(
    resamples: Annotated[int, typer.Option(min=1, help="Without a shift: how often is there an alarm?")] = 2000,
    rounds: Annotated[int, typer.Option(min=1, help="With each shift.")] = 500,
    pairs: Annotated[int, typer.Option(min=20, help="Images a side when the time is taken.")] = 10_000,
    quick: Annotated[bool, typer.Option("--quick", help="A tenth of each, and a student of three epochs.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results, drift.json, and every resample's, resamples.jsonl.")
    ] = None,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    set_: options.Assignments = None,
    json_: options.Json = False,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Alarms of the drift test without a shift and with each of several, and its time, on ELPV."""
    from dfpt import config as configuration
    from dfpt import files
    from dfpt.bench import drift as bench
    from dfpt.cli.bar import bar

    home = options.use_home(home)
    assignments = [*(set_ or ()), *(["student.recipe.epochs=3"] if quick else [])]
    resolved = configuration.resolve(options.config_file(config), profile, assignments)
    if quick:
        resamples, rounds, pairs = (max(20, count // 10) for count in (resamples, rounds, pairs))
    with bar() as reporter:
        found, every = bench.run(resolved, home, resamples, rounds, pairs, reporter)
    if out is not None:
        files.write_json(out / "drift.json", found)
        files.write_text(out / "resamples.jsonl", "".join(f"{json.dumps(result)}\n" for result in every))
    if json_:
        options.write_json(found)
    else:
        _drift(found)


def _drift(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for variant, results in found["results"].items():
        table = Table("shift", "resamples", "alarms", "95 % interval", title=variant, title_justify="left")
        for shift, result in results.items():
            low, high = result["interval"]
            table.add_row(shift, f"{result['resamples']}", f"{result['alarms']:.1%}", f"{low:.1%} to {high:.1%}")
        console.print(table)
    speed = found["speed"]
    parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in speed["seconds"].items())
    console.print(f"{speed['images_a_side']} images a side: {speed['total_seconds']:.1f} s ({parts})")
