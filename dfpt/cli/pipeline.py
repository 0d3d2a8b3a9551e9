"""``dfpt pipeline``: the pipeline as Kubeflow takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dfpt.cli import runs, submit

app = typer.Typer(no_args_is_help=True, help="The pipeline as Kubeflow takes it.")


app.command("submit")(submit.command)
app.command("status")(runs.status)
app.command("logs")(runs.logs)


@app.callback()
def _group() -> None: ...


@app.command("compile")
def compile_(
    out: Annotated[Path, typer.Option("--out", help="Where to write it.")] = Path("pipelines/retraining.yaml"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write it to standard output instead.")] = False,
) -> None:
    """Write the pipeline's YAML, the one that every Kubeflow Pipelines takes."""
    from pipelines.compile import compile_pipeline

    if dry_run:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            typer.echo(compile_pipeline(Path(folder) / "retraining.yaml").read_text(encoding="utf-8"), nl=False)
    else:
        typer.echo(f"Wrote {compile_pipeline(out)}.")
