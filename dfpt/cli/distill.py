"""``dfpt bench distill``: which method teaches best, screened and confirmed."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dfpt.cli import options


class Tier(enum.StrEnum):
    SCREEN = "screen"
    CONFIRM = "confirm"
    ALL = "all"


def command(
    suite: Annotated[str, typer.Option(help="elpv, or digits for a try.")] = "elpv",
    tier: Annotated[Tier, typer.Option(help="screen finds settings, confirm compares the best.")] = Tier.ALL,
    quick: Annotated[bool, typer.Option("--quick", help="Three methods, tiny budgets: minutes; says nothing.")] = False,
    summarise: Annotated[bool, typer.Option("--summarise", help="Only compute the summary of what is stored.")] = False,
    rerun: Annotated[
        str | None,
        typer.Option(metavar="METHOD:PARTITION:FOLD:SEED", help="Compute a stored cell again and compare."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; else docs/benchmarks/SUITE.")] = None,
    json_: options.Json = False,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Every distillation method on the same images, with the same teachers and budgets; resumable."""
    from dfpt.bench import distill as bench
    from dfpt.bench.distill import cells
    from dfpt.errors import UsageError

    home = options.use_home(home)
    if suite not in bench.SUITES:
        raise UsageError(f"Unknown suite {suite!r}.", f"One of {', '.join(bench.SUITES)}.")
    plan = bench.quick(bench.SUITES[suite]) if quick else bench.SUITES[suite]
    folder = out or (home / "bench" / f"quick-{suite}" if quick else Path("docs/benchmarks") / suite)
    if rerun is not None:
        _compared(bench.rerun(plan, cells.parse(rerun, plan), folder, home, home / "bench" / "rerun"), json_)
        return
    if not summarise:
        if tier is not Tier.CONFIRM:
            for number, method in enumerate(plan.methods):
                _say(number, len(plan.methods), f"screening {method}")
                bench.screen(plan, method, folder, home)
        if tier is not Tier.SCREEN:
            bench.confirm(plan, folder, home, lambda done, total, next_: _say(done, total, f"confirming {next_}"))
    found = bench.summarise(folder)
    if json_:
        typer.echo(json.dumps(found))
    else:
        _table(found, folder)


def _say(done: int, total: int, what: str) -> None:
    typer.echo(f"{done} of {total}: {what}", err=True)


def _compared(found: dict[str, Any], json_: bool) -> None:
    if json_:
        typer.echo(json.dumps(found))
        return
    typer.echo(
        f"{found['cell']}: accuracy {found['accuracy']:.1%}, stored {found['stored_accuracy']:.1%}; "
        f"{found['same_answers']:.1%} of the answers are the same."
    )


def _table(found: dict[str, Any], folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("method", "tier", "cells", "accuracy", "macro-F1", "less KD, points (95 %)", "pairs")
    for row in found["methods"]:
        delta = "-"
        if row["delta_vs_kd"] is not None:
            low, high = row["delta_vs_kd_ci"]
            delta = f"{100 * row['delta_vs_kd']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
        spread = "" if row["accuracy_std"] is None else f" ± {100 * row['accuracy_std']:.1f}"
        table.add_row(
            row["method"],
            row["tier"],
            str(row["cells"]),
            f"{row['accuracy_mean']:.1%}{spread}",
            f"{row['macro_f1_mean']:.1%}",
            delta,
            str(row["pairs"]),
        )
    console.print(table)
    console.print(f"Screened rows are on validation images. All figures: {folder / 'summary.json'}")
