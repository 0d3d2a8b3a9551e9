"""``dfpt model history``: what was in production when, who approved it, on which evidence. Read from the log."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dfpt.cli import options
from dfpt.cli.deciding import Server, open_client, open_store
from dfpt.errors import UsageError

if TYPE_CHECKING:
    from dfpt.registry.history import Deployment

Name = Annotated[str, typer.Argument(metavar="NAME", help="The candidates' name, e.g. elpv.")]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="DATE", help="Only what was there then; UTC unless it says otherwise, a day: its end."
    ),
]


def command(
    name: Name,
    at: At = None,
    server: Server = None,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """What was in production, since when, who approved it, and on which evidence."""
    from dfpt.registry import history
    from dfpt.registry.champion import PRODUCTION

    name = name.removesuffix(PRODUCTION)
    found: Sequence[Deployment]
    if server is None:
        engine = open_store(home).engine
        found, ever = history.asked(engine, name, at), name in history.models(engine)
    else:
        client = open_client(server)
        found = client.history(name, at)
        ever = bool(found or client.history(name))
    if as_json:
        options.write_json([dataclasses.asdict(deployment) for deployment in found])
        return
    if not ever:
        raise UsageError(f"No version of {name!r} was ever in production.", "dfpt model list shows the models.")
    if not found:
        typer.echo(f"Nothing of {name} was in production at {at}.")
    for deployment in found:
        typer.echo(_paragraph(deployment))


def _paragraph(deployment: Deployment) -> str:
    marks = {
        "by the one who asked for it": deployment.self_approved,
        "in an emergency, the rules passed over": deployment.emergency,
        "by the policy, without a person": deployment.automatic,
    }
    marked = "".join(f", {mark}" for mark, is_so in marks.items() if is_so)
    lines = [
        f"{deployment.at[:19]}Z  {deployment.name}-production/{deployment.production_version}  {deployment.how}"
        f" by {deployment.by}: {deployment.reason}",
        f"    candidate  {deployment.name}/{deployment.candidate_version}, asked for by {deployment.requested_by}",
        f"    approved   {deployment.approved_at[:19]}Z by {', '.join(deployment.approved_by)}{marked}:"
        f" {deployment.approval_reason}",
        f"    evidence   SHA-256 {deployment.artifact_sha256} (all files, evidence too; record {deployment.record})",
    ]
    return "\n".join(lines)
