"""``dfpt notifications``: tell people what happened, and see what could not be told."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import options
from dfpt.cli.deciding import open_store, require_store
from dfpt.errors import UsageError

if TYPE_CHECKING:
    from dfpt.registry.database import Delivery, Notification

app = typer.Typer(no_args_is_help=True, help="Tell people what happened, by the channels of approvals.yaml.")


@app.command()
def send(
    watch: Annotated[
        float | None, typer.Option("--watch", metavar="SECONDS", min=1, help="Go on, with this pause between rounds.")
    ] = None,
    dry_run: options.DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """Tell what is new, and retry what is due. The approvals service does this by itself.

    With --watch and --json it writes an object a line, one for each round.
    """
    from datetime import UTC, datetime

    from dfpt.registry import policy_config
    from dfpt.registry.notifications.delivery import deliver_due

    if dry_run:
        if watch is not None:
            raise UsageError(
                "--watch does not go with --dry-run: no round changes anything.", "Leave one of them away."
            )
        _say_what_is_due(home, as_json)
        return
    store = open_store(home)
    while True:
        sent = deliver_due(store, policy_config.load(store.home), datetime.now(UTC))
        if as_json and watch is not None:
            typer.echo(json.dumps(dataclasses.asdict(sent)))
        elif as_json:
            options.write_json(dataclasses.asdict(sent))
        else:
            typer.echo(f"{sent.delivered} delivered, {sent.postponed} to be tried again, {sent.given_up} given up")
        if watch is None:
            return
        time.sleep(watch)


def _say_what_is_due(home: Path, as_json: bool) -> None:
    """Which deliveries the next round would try; whether they would arrive, only trying tells."""
    from datetime import UTC, datetime

    from dfpt.registry import policy_config
    from dfpt.registry.notifications import delivery, outbox
    from dfpt.registry.rehearsal import rehearsed

    require_store(options.use_home(home))
    now = datetime.now(UTC)
    with rehearsed(home) as store:
        due = delivery.due(store, policy_config.load(home.absolute()), now)
        found = [_as_object(*row) for row in outbox.listed(store) if row[0].id in due]
    if as_json:
        options.write_json({"would_try": found, "dry_run": True})
        return
    for item in found:
        typer.echo(f"Would tell {item['channel']} of {item['event']}, attempt {item['attempts'] + 1}.")
    if not found:
        typer.echo("Nothing is to be told now.")


@app.command("list")
def list_(home: options.Home = options.DEFAULT_HOME, as_json: options.Json = False) -> None:
    """What was told, what waits, what was given up; the newest first."""
    from dfpt.registry.notifications import outbox

    found = [_as_object(*row) for row in outbox.listed(open_store(home))]
    if as_json:
        options.write_json(found)
        return
    for item in found:
        trouble = f": {item['last_error']}" if item["last_error"] else ""
        typer.echo(
            f"{item['id']}  {item['event']}  to {item['channel']}  {item['state']} "
            f"({item['attempts']} attempts){trouble}"
        )
    if not found:
        typer.echo("Nothing was to be told yet.")


@app.command()
def retry(
    identity: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=options.LARGEST, help="Of dfpt notifications list.")
    ],
    dry_run: options.DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """Try again what waits or was given up; the next round sends it."""
    from dfpt.registry.notifications import outbox
    from dfpt.registry.rehearsal import rehearsed

    require_store(options.use_home(home))
    with rehearsed(home) if dry_run else contextlib.nullcontext(open_store(home)) as store:
        found = outbox.retry(store, identity)
    options.say(
        f"Delivery {identity} to {found.channel} {'would be' if dry_run else 'is'} tried again in the next round.",
        {"id": identity, "channel": found.channel, "state": found.state, "dry_run": dry_run},
        as_json,
    )


def _as_object(delivery: Delivery, notification: Notification) -> dict[str, Any]:
    fields = ("id", "channel", "state", "attempts", "last_error")
    times = {name: getattr(delivery, name) for name in ("created_at", "next_at", "delivered_at")}
    about = {"event": notification.event, "record": notification.record, "note": notification.note}
    told = {name: None if moment is None else moment.isoformat() for name, moment in times.items()}
    return {name: getattr(delivery, name) for name in fields} | about | told
