"""``dfpt pipeline``: the pipeline as Kubeflow takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dfpt.cli import options, runs, submit

app = typer.Typer(no_args_is_help=True, help="The pipeline as Kubeflow takes it.")


app.command("submit")(submit.command)
app.command("status")(runs.status)
app.command("logs")(runs.logs)


@app.callback()
def _group() -> None: ...


@app.command("compile")
def compile_(
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write it; else beside the checked-in one.")
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            "--image",
            help="The image of every step; else cluster.image. A tag becomes the digest that its registry has for it.",
        ),
    ] = None,
    kubernetes: Annotated[
        bool, typer.Option("--kubernetes", help="As Pipeline and PipelineVersion resources, for kubectl and GitOps.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write it to standard output instead.")] = False,
    as_json: options.Json = False,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    set_: options.Assignments = None,
) -> None:
    """Write the pipeline's YAML, with what the section cluster asks for each step."""
    import tempfile

    from dfpt import files
    from dfpt.config import resolve
    from pipelines import compile as compiling

    cluster = resolve(options.config_file(config), profile, set_ or ()).cluster
    write = compiling.compile_manifests if kubernetes else compiling.compile_pipeline
    path = out or (compiling.MANIFESTS if kubernetes else compiling.COMPILED)
    with tempfile.TemporaryDirectory() as folder:
        written = write(cluster, Path(folder) / path.name if dry_run else path, image)
        text = written.read_text(encoding="utf-8")
    if as_json:
        options.write_json({"path": str(path), "sha256": files.text_sha256(text), "yaml": text, "dry_run": dry_run})
    elif dry_run:
        typer.echo(text, nl=False)
    else:
        typer.echo(f"Wrote {path}.")
