"""``dfpt model request|approve|reject|withdraw|rollback``: what people decide."""

from __future__ import annotations

from typing import Annotated

import typer

from dfpt.cli.deciding import Decision, decision

Emergency = Annotated[
    bool, typer.Option("--emergency", help="As an admin: pass over four eyes, quorum, freeze; marked for ever.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (request, approve, reject, withdraw, rollback):
        app.command()(decision(command))


def request(deed: Decision) -> None:
    """Ask for the approval of a candidate again, after its request was withdrawn, superseded or has expired."""
    deed.say(deed.desk.request(*deed.candidate, deed.reason, deed.dry_run))


def approve(deed: Decision, emergency: Emergency = False) -> None:
    """Put a candidate into production: its files are copied and hashed, and it becomes the champion."""
    deed.say(deed.desk.approve(*deed.candidate, deed.reason, deed.dry_run, emergency))


def reject(deed: Decision) -> None:
    """Say no to a candidate; the pipeline does not ask for the same weights again."""
    deed.say(deed.desk.reject(*deed.candidate, deed.reason, deed.dry_run))


def withdraw(deed: Decision) -> None:
    """Take your own request back; an admin may take anybody's."""
    deed.say(deed.desk.withdraw(*deed.candidate, deed.reason, deed.dry_run))


def rollback(deed: Decision) -> None:
    """Make an earlier production version the champion again; without VERSION the one that was there before.

    NAME is the candidates' name or that of the production side, VERSION one of the production side.
    """
    deed.say(deed.desk.roll_back(deed.name, deed.version, deed.reason, deed.dry_run))
