"""``dfpt data profile``: a suite of expectations proposed from data."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from dfpt.cli import options, preparing


def command(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Data that are thought to be good.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The suite's file; else data/expectations/NAME.json.")
    ] = None,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    assignments: options.Assignments = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the suite; write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a suite that is there.")] = False,
    as_json: options.Json = False,
) -> None:
    """Propose a suite from data: the classes, and bounds of what was seen. Read it before it is used."""
    import numpy as np

    from dfpt import files, suite_file
    from dfpt.cli.bar import bar
    from dfpt.datasets import imageset, manifest, proposal, quality
    from dfpt.datasets.task import Task
    from dfpt.errors import DataRefused, UsageError

    resolved = preparing.resolved(source, config, profile, assignments)
    name = resolved.registration.name
    own = suite_file.OWN / f"{name}.json"
    out = out or own
    if out.exists() and not (dry_run or force):
        raise UsageError(f"{out} is there already.", "Name another file with --out, or replace it with --force.")
    with tempfile.TemporaryDirectory() as scratch, bar() as reporter:
        dataset = Path(scratch) / "dataset"
        preparing.prepare(resolved, dataset, reporter)
        task, table = Task.load(dataset), manifest.read(dataset)
        table = table.assign(row=np.arange(len(table)))
        accepted = table.drop(index=quality.rejections(table, task, frozenset()).index)
        if not len(accepted):
            raise DataRefused(f"Nothing of {source} can be trained on.", f"See: dfpt data validate {source}")
        looked_at, _ = quality.measured(imageset.open_images(dataset, task), accepted)
        suite = proposal.propose(name, task, quality.tables(table, looked_at, task)["accepted"], task.data_hash)
    if dry_run:
        options.write_json(suite)
        return
    files.write_json(out, suite)
    then = f"dfpt data validate {source}" + ("" if out == own else f" --set validation.suite={out}")
    options.say(
        f"Wrote {len(suite['expectations'])} expectations to {out}. Read them, then: {then}",
        {"out": str(out), "suite": suite},
        as_json,
    )
