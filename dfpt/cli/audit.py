"""``dfpt audit``: check the log, take it out, and hold production against it."""

from __future__ import annotations

import dataclasses
import enum
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from dfpt.cli import options
from dfpt.cli.deciding import As, open_registry, open_store
from dfpt.errors import EXIT_REFUSED, UsageError

app = typer.Typer(no_args_is_help=True, help="Check the audit log, export it, hold production against it.")

Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="NUMBER:HASH", help="A head that you wrote down earlier; it must still be in there."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="A file instead of standard output.")]


class Format(enum.StrEnum):
    """Of the export."""

    JSONL = "jsonl"
    CSV = "csv"


@app.command()
def verify(
    since: Since = None,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """Find any change, removal, insertion, reordering or missing end; exit code 3 if there is one."""
    from dfpt.registry import audit

    found = audit.verify(open_store(home), None if since is None else _since(since))
    if as_json:
        options.write_json(dataclasses.asdict(found))
    elif found.intact:
        typer.echo(
            f"The log is intact: {found.records} records.\nIts head, to be kept elsewhere: {found.records}:{found.head}"
        )
    else:
        typer.echo(f"The log is NOT intact. {found.problem}")
    if not found.intact:
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def export(
    format_: Annotated[Format, typer.Option("--format", help="JSON Lines as it was hashed, or CSV.")] = Format.JSONL,
    out: Out = None,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """Write the whole log, the oldest record first; with --json as one array, which verifies nothing by itself."""
    from dfpt import files
    from dfpt.registry import export as registry

    if as_json and (format_ is Format.CSV or out is not None):
        raise UsageError("--json writes an array to standard output: neither CSV nor a file.", "Leave --json away.")
    store = open_store(home)
    lines = registry.json_lines(store) if format_ is Format.JSONL else registry.csv_lines(store)
    if as_json:
        options.write_json([json.loads(line) for line in lines])
        return
    if out is None:
        sys.stdout.writelines(lines)
        return
    with files.replacing(out) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(lines)


@app.command()
def key(home: options.Home = options.DEFAULT_HOME, as_json: options.Json = False) -> None:
    """Write the public key that the log's head is signed with."""
    from dfpt.registry import signing

    private = signing.key(open_store(home).home)
    pem = signing.public_pem(private)
    if as_json:
        options.write_json({"public_key": pem, "fingerprint": signing.fingerprint(private.public_key())})
    else:
        typer.echo(pem, nl=False)


@app.command()
def reconcile(
    person: As = None,
    dry_run: options.DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """Compare MLflow's aliases, versions and files with the log; exit code 3 if something is left that differs."""
    from dfpt.registry import actor, reconcile

    findings = reconcile.reconcile(open_registry(home), actor.current(person), dry_run)
    if as_json:
        options.write_json([dataclasses.asdict(finding) for finding in findings])
    elif not findings:
        typer.echo("Production is as the log says.")
    else:
        for finding in findings:
            put_right = ", put right" if finding.reverted else ""
            typer.echo(
                f"{finding.name}: {finding.kind}: {finding.what}: by the log {finding.expected or 'none'}, "
                f"found {finding.found or 'none'}{put_right}"
            )
    if any(not finding.reverted for finding in findings):
        raise typer.Exit(EXIT_REFUSED)


def _since(text: str) -> tuple[int, str]:
    number, colon, digest = text.partition(":")
    if not colon or not number.isdecimal():
        raise UsageError(f"--since {text}: no head.", "Write NUMBER:HASH, as dfpt audit verify shows it.")
    return int(number), digest
