"""``dfpt bench``: measurements whose raw results stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dfpt.cli import bench_approvals, distill, options

app = typer.Typer(help="Measure, and keep the raw results.", no_args_is_help=True)
app.command("distill")(distill.command)
app.command("approvals")(bench_approvals.command)


@app.callback()
def _group() -> None: ...


@app.command()
def seeds(
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


@app.command()
def throughput(
    pair: Annotated[
        list[str] | None, typer.Option(metavar="TEACHER:STUDENT", help="Networks; may be given several times.")
    ] = None,
    batch_size: Annotated[list[int] | None, typer.Option(min=2, help="May be given several times.")] = None,
    image_size: Annotated[int, typer.Option(min=8, help="Pixels.")] = 32,
    classes: Annotated[int, typer.Option(min=2, help="How many.")] = 100,
    rounds: Annotated[int, typer.Option(min=2, help="Steps of every variant; they are taken in turns.")] = 20,
    quick: Annotated[bool, typer.Option("--quick", help="Three rounds: minutes, whatever the machine.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the raw results, throughput.json.")] = None,
    json_: options.Json = False,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Time, memory and arithmetic of a training step by KD, DKD, DFPT-KD and DFPT-KD+, nothing cached."""
    from rich.console import Console
    from rich.progress import Progress, TimeRemainingColumn

    from dfpt import files
    from dfpt.bench import throughput as bench

    pairs = [
        bench.Pair(*_networks(names), classes, image_size, size)
        for names in pair or ["resnet32x4:resnet8x4"]
        for size in batch_size or [64]
    ]
    with Progress(*Progress.get_default_columns(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("training steps", total=None)
        found = bench.run(
            pairs,
            3 if quick else rounds,
            options.use_home(home),
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    if out is not None:
        files.write_json(out / "throughput.json", found)
    if json_:
        options.write_json(found)
    else:
        _steps(found)


@app.command()
def ingest(
    images: Annotated[int, typer.Option(min=1000, help="Synthetic files of 64x64, in a temporary folder.")] = 100_000,
    quick: Annotated[bool, typer.Option("--quick", help="Five thousand of them.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the raw results, ingest.json.")] = None,
    json_: options.Json = False,
) -> None:
    """Images a second, memory and busy cores of fingerprint, prepare and validate: many small files, and ELPV."""
    from dfpt import files
    from dfpt.bench import ingest as bench
    from dfpt.cli.bar import bar

    with bar() as reporter:
        found = bench.run(5000 if quick else images, reporter)
    if out is not None:
        files.write_json(out / "ingest.json", found)
    if json_:
        options.write_json(found)
    else:
        _ingested(found)


def _ingested(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for name, result in found["results"].items():
        table = Table("", "seconds", "images/s", "cores busy", title=name, title_justify="left")
        for step, seconds in result["seconds"].items():
            rate, busy = result["images_per_second"][step], result["cores_busy"][step]
            table.add_row(step, f"{seconds:.1f}", f"{rate:,.0f}", f"{busy:.2f}")
        console.print(table)
    peaks = tuple(found[name] / 2**30 for name in ("peak_memory", "peak_memory_anonymous"))
    console.print(f"At most {peaks[0]:.2f} GiB of memory for the first, {peaks[1]:.2f} without pages of mapped files.")


@app.command()
def drift(
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


def _networks(names: str) -> tuple[str, str]:
    from dfpt.errors import UsageError

    teacher, colon, student = names.partition(":")
    if not (teacher and colon and student):
        raise UsageError(f"--pair {names}: not two networks.", "Write TEACHER:STUDENT, as resnet32x4:resnet8x4.")
    return teacher, student


def _steps(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for result in found["results"]:
        pair = result["pair"]
        size = pair["image_size"]
        table = Table(title=f"{pair['teacher']} -> {pair['student']}, {size}x{size}, batch {pair['batch_size']}")
        columns = ("", "images/s", "step / KD's", "MACs / KD's", "share of peak", "memory, GiB", "precision")
        for column in columns:
            table.add_column(column, justify="left" if column == "" else "right")
        for name, variant in result["variants"].items():
            table.add_row(
                name,
                f"{variant['images_per_second']:.1f}",
                _ratio(result["ratios"].get(f"{name}/kd")),
                _ratio(result["mac_ratios"].get(f"{name}/kd")),
                f"{variant['share_of_matmul_peak']:.0%}",
                f"{variant['peak_memory'] / 2**30:.2f}",
                variant["precision"],
            )
        console.print(table)
        faster = 1 / result["ratios"]["kd/kd_fp32_contiguous"]
        console.print(f"KD's step in the chosen setting is {faster:.2f} times as fast as in contiguous float32.")


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


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
