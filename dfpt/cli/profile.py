"""``dfpt data profile``: a suite of expectations proposed from data."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from dfpt.cli import options


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
    from dfpt.config import PrepareConfig, resolve
    from dfpt.context import Context
    from dfpt.datasets import imageset, manifest, proposal, quality
    from dfpt.datasets.task import Task
    from dfpt.errors import DataRefused, UsageError
    from dfpt.steps import prepare

    given = [*(assignments or ()), *options.of_source(source)]
    resolved = resolve(options.config_file(config), profile, given)
    name = resolved.registration.name
    out = out or suite_file.OWN / f"{name}.json"
    if out.exists() and not (dry_run or force):
        raise UsageError(f"{out} is there already.", "Name another file with --out, or replace it with --force.")
    with tempfile.TemporaryDirectory() as scratch, bar() as reporter:
        dataset, context = Path(scratch) / "dataset", Context(Path(scratch), Path(scratch), reporter)
        prepare.run({}, {"dataset": dataset}, PrepareConfig(seed=resolved.seed, data=resolved.data), context)
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
    options.say(
        f"Wrote {len(suite['expectations'])} expectations to {out}. Read them, then: dfpt data validate {source}",
        {"out": str(out), "suite": suite},
        as_json,
    )
