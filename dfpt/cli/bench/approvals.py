"""``dfpt bench approvals``: 64 clients decide at once, and answers are timed at 50 requests a second."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from dfpt.cli import options
from dfpt.errors import EXIT_FAILED


def command(
    seconds: Annotated[float, typer.Option("--seconds", min=1.0, help="For each of the two parts.")] = 60.0,
    as_json: options.Json = False,
) -> None:
    """In a state folder of its own; on SQLite, or on an empty database that DFPT_REGISTRY_URL names."""
    from dfpt.bench.approvals.run import run

    with tempfile.TemporaryDirectory(prefix="dfpt-bench-") as folder:
        found = run(Path(folder), seconds)
    if as_json:
        options.write_json(found)
    else:
        typer.echo(_sentences(found))
    if found["rush"]["contradictions"]:
        raise typer.Exit(EXIT_FAILED)


def _sentences(found: dict[str, Any]) -> str:
    pace, rush = found["pace"], found["rush"]
    lines = [
        f"{found['database']}, {pace['requests_per_second']:g} requests/s for {found['seconds']:g} s: "
        f"p50 {pace['all']['p50']:.3f} s, p99 {pace['all']['p99']:.3f} s "
        f"(reading {pace['reading']['p99']:.3f} s, deciding {pace['writing']['p99']:.3f} s)",
        f"{rush['clients']} clients at once: {rush['requests']} requests, {rush['records']} records",
    ]
    lines += [f"  WRONG: {one}" for one in rush["contradictions"]] or ["  log, requests and MLflow agree"]
    return "\n".join(lines)
