"""``dfpt bench ingest``: how fast images come in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dfpt.cli import options


def command(
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
