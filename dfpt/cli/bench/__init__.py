"""``dfpt bench``: measurements whose raw results stay."""

from __future__ import annotations

import typer

from dfpt.cli.bench import approvals, distill, drift, ingest, seeds, throughput

app = typer.Typer(help="Measure, and keep the raw results.", no_args_is_help=True)
app.command("distill")(distill.command)
app.command("seeds")(seeds.command)
app.command("throughput")(throughput.command)
app.command("ingest")(ingest.command)
app.command("drift")(drift.command)
app.command("approvals")(approvals.command)
