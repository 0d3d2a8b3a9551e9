"""``dfpt bench distill``: which method teaches best, screened and confirmed."""

from __future__ import annotations

import enum
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import options

if TYPE_CHECKING:
    from rich.console import Console

    from dfpt.bench.distill import Suite


class Tier(enum.StrEnum):
    SCREEN = "screen"
    CONFIRM = "confirm"
    ABLATE = "ablate"
    GAP = "gap"
    ALL = "all"


def command(
    suite: Annotated[str, typer.Option(help="elpv, elpv-binary, fashion, digits: docs/methods.md.")] = "elpv",
    tier: Annotated[Tier, typer.Option(help="screen finds settings; the others need it.")] = Tier.ALL,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="ROW", help="Of the tier's methods, or ablations, this one alone; repeatable."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Four methods, tiny budgets: minutes; says nothing.")] = False,
    summarise: Annotated[bool, typer.Option("--summarise", help="Only compute the summary of what is stored.")] = False,
    rerun: Annotated[
        str | None,
        typer.Option(metavar="METHOD:PARTITION:FOLD:SEED", help="Compute a stored cell again and compare."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; else docs/benchmarks/SUITE.")] = None,
    json_: options.Json = False,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Every distillation method on the same images, with the same teachers and budgets; resumable.

    Started twice, both processes share the work: on a CPU one for each core, with OMP_NUM_THREADS=1, is fastest.
    """
    from dfpt.bench import distill as bench
    from dfpt.bench.distill import cells
    from dfpt.errors import UsageError

    home = options.use_home(home)
    if suite not in bench.SUITES:
        raise UsageError(f"Unknown suite {suite!r}.", f"One of {', '.join(bench.SUITES)}.")
    plan = bench.quick(bench.SUITES[suite]) if quick else bench.SUITES[suite]
    folder = out or (home / "bench" / f"quick-{suite}" if quick else Path("docs/benchmarks") / suite)
    if not summarise:
        bench.make_images(plan)
    if rerun is not None:
        _compared(bench.rerun(cells.parse(rerun, plan), folder, home, home / "bench" / "rerun"), json_)
        return
    if not summarise:
        tiers = {
            Tier.SCREEN: bench.screen,
            Tier.CONFIRM: bench.confirm,
            Tier.ABLATE: bench.ablate,
            Tier.GAP: bench.sweep,
        }
        computed = _narrowed(plan, tier, only) if only else plan
        for part, compute in tiers.items():
            if tier in (part, Tier.ALL):
                compute(computed, folder, home, partial(_tell, part))
    found = bench.summarise(plan, folder, partial(_tell, "summary"))
    if json_:
        options.write_json(found)
    else:
        _table(found, folder)


def _narrowed(plan: Suite, tier: Tier, names: list[str]) -> Suite:
    """The suite with these of the tier's rows alone; confirm and gap have no rows of their own to choose from."""
    from dfpt.errors import UsageError

    rows = {Tier.SCREEN: plan.methods, Tier.ABLATE: plan.ablations}.get(tier)
    if rows is None:
        raise UsageError("--only is for one tier: which?", f"Add --tier {Tier.SCREEN}, or --tier {Tier.ABLATE}.")
    if unknown := sorted(set(names).difference(rows)):
        raise UsageError(f"The tier {tier} of {plan.name} has no {', '.join(unknown)}.", f"It has: {', '.join(rows)}.")
    kept = tuple(name for name in rows if name in names)
    return replace(plan, methods=kept) if tier is Tier.SCREEN else replace(plan, ablations=kept)


def _tell(part: str, done: int, total: int, next_: str) -> None:
    typer.echo(f"{done} of {total}: {part}, {next_}", err=True)


def _compared(found: dict[str, Any], json_: bool) -> None:
    if json_:
        options.write_json(found)
        return
    same = f"{found['same_answers']:.1%} of the answers are the same."
    typer.echo(
        f"{found['cell']}: accuracy {found['accuracy']:.1%}, stored {found['stored_accuracy']:.1%}; "
        + (same if found["same_images"] else "they are of different images: the data, or its split, is another one.")
    )


def _table(found: dict[str, Any], folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for title, rows, reference in (("methods", found["methods"], "kd"), ("ablations", found["ablations"], "dfpt_kd")):
        table = Table("method", "tier", "cells", "accuracy", "macro-F1", f"less {reference}, points (95 %)", "pairs")
        table.title = title
        for row in rows:
            spread = "" if row["accuracy_std"] is None else f" ± {100 * row['accuracy_std']:.1f}"
            table.add_row(
                row["method"],
                row["tier"],
                str(row["cells"]),
                f"{row['accuracy_mean']:.1%}{spread}",
                f"{row['macro_f1_mean']:.1%}",
                _points(row[f"delta_vs_{reference}"], row[f"delta_vs_{reference}_ci"]),
                str(row["pairs"]),
            )
        if rows:
            console.print(table)
    if found["gap"] is not None:
        _gaps(found["gap"], console)
    if found["goals"]:
        _goals(found["goals"], f"goals, {found['confirmed_cells']} of {found['planned_cells']} cells", console)
    console.print(f"Screened and ablated rows are on validation images. All figures: {folder / 'summary.json'}")


def _gaps(found: dict[str, Any], console: Console) -> None:
    from rich.table import Table

    table = Table("teacher", "student", "gap, points", "gain, points", title="gap sweep")
    for pair in found["pairs"]:
        table.add_row(pair["teacher"], pair["student"], *(f"{100 * pair[name]:+.1f}" for name in ("gap", "gain")))
    console.print(table)
    if found["slope"] is not None:
        low, high = found["slope_ci"]
        console.print(f"Gain for a point of gap: {found['slope']:+.2f} ({low:+.2f} to {high:+.2f})")


def _goals(found: list[dict[str, Any]], title: str, console: Console) -> None:
    from rich.table import Table

    table = Table("dfpt_kd_plus, confirmed", "found", "95 %", "wanted", "reached", "pairs", title=title)
    for goal in found:
        interval = "" if goal["interval"] is None else "{:+.3f} to {:+.3f}".format(*goal["interval"])
        reached = "yes" if goal["reached"] else "no"
        table.add_row(
            goal["goal"], f"{goal['found']:.3f}", interval, f"{goal['wanted']:.3f}", reached, str(goal["pairs"] or "")
        )
    console.print(table)


def _points(delta: float | None, interval: list[float] | None) -> str:
    if delta is None or interval is None:
        return "-"
    low, high = interval
    return f"{100 * delta:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
