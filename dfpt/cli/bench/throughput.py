"""``dfpt bench throughput``: what a training step costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dfpt.cli import options


def command(
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


def _networks(names: str) -> tuple[str, str]:
    """Of ``TEACHER:STUDENT``, in which another library's model has a colon of its own."""
    from dfpt import backbone_names
    from dfpt.errors import UsageError

    parts = names.split(":")
    pairs = [(":".join(parts[:cut]), ":".join(parts[cut:])) for cut in range(1, len(parts))]
    for teacher, student in pairs:
        if backbone_names.known(teacher) and backbone_names.known(student):
            return teacher, student
    known = f"There are {', '.join(backbone_names.NAMES)}, timm:NAME and torchvision:NAME."
    raise UsageError(f"--pair {names}: not two networks that are known, as resnet32x4:resnet8x4.", known)


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
