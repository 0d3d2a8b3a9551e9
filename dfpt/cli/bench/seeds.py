"""``dfpt bench seeds``: teacher, baseline and distilled student over several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dfpt.cli import options


def command(
    out: Annotated[Path, typer.Option(help="Folder of the results, a file for each seed.")],
    count: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds, from 0.")] = 5,
    summarise: Annotated[bool, typer.Option("--summarise", help="Only compute the summary of what is stored.")] = False,
    against: Annotated[
        Path | None, typer.Option(help="Compare the stored students with those of this folder, seed by seed.")
    ] = None,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    set_: options.Assignments = None,
    json_: options.Json = False,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Teacher, baseline and distilled student over several seeds; resumable."""
    from dfpt import config as configuration
    from dfpt.bench import seeds as bench

    home = options.use_home(home)
    if against is not None:
        _compare(bench.compare(out, against), json_)
        return
    if summarise:
        found = bench.summarise(out)
    else:
        found = bench.run(configuration.resolve(options.config_file(config), profile, set_ or ()), count, out, home)
    if json_:
        options.write_json(found)
    else:
        _table(found, out)


def _compare(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        options.write_json(found)
        return
    typer.echo(f"{len(found['seeds'])} students less those of {found['against']}, points (95 % interval of the mean)")
    for figure, spread in found["differences"].items():
        interval = ""
        if spread["interval"]:
            low, high = (100 * end for end in spread["interval"])
            interval = f"  ({low:+.1f} to {high:+.1f})"
        typer.echo(f"  {figure:16} {_percent(spread)}{interval}")


def _table(summary: dict[str, Any], out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{len(summary['seeds'])} seeds, mean and standard deviation, percent")
    figures = list(summary["models"]["student"])
    for column in ("", *figures):
        table.add_column(column)
    for model, found in summary["models"].items():
        table.add_row(model, *(_percent(found[figure]) for figure in figures))
    console = Console()
    console.print(table)
    gain = summary["student_minus_baseline"]
    console.print(f"student - baseline: {_percent(gain)} points, above 0 in {gain['seeds_with_gain']} seeds")
    if gain["interval"]:
        low, high = (100 * end for end in gain["interval"])
        console.print(f"                    95 % interval of the mean {low:+.1f} to {high:+.1f}")
    console.print(f"teacher - baseline: {_percent(summary['teacher_minus_baseline'])} points")
    console.print(f"raw results: {out}")


def _percent(spread: dict[str, Any]) -> str:
    deviation = "" if spread["std"] is None else f" ± {100 * spread['std']:.2f}"
    return f"{100 * spread['mean']:.2f}{deviation}"
