"""``dfpt notifications``: tell people what happened, and see what could not be told."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import options
from dfpt.cli.deciding import DryRun, open_store

if TYPE_CHECKING:
    from dfpt.registry.database import Delivery, Notification

app = typer.Typer(no_args_is_help=True, help="Tell people what happened, by the channels of approvals.yaml.")


@app.command()
def send(
    watch: Annotated[
        float | None, typer.Option("--watch", metavar="SECONDS", min=1, help="Go on, with this pause between rounds.")
    ] = None,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """Tell what is new, and retry what is due. The approvals service does this by itself."""
    from datetime import UTC, datetime

    from dfpt.registry import policy_config
    from dfpt.registry.notifications.delivery import deliver_due

    store = open_store(home)
    while True:
        sent = deliver_due(store, policy_config.load(store.home), datetime.now(UTC))
        if as_json:
            typer.echo(json.dumps(dataclasses.asdict(sent)))
        else:
            typer.echo(f"{sent.delivered} delivered, {sent.postponed} to be tried again, {sent.given_up} given up")
        if watch is None:
            return
        time.sleep(watch)


@app.command("list")
def list_(home: options.Home = options.DEFAULT_HOME, as_json: options.Json = False) -> None:
    """What was told, what waits, what was given up; the newest first."""
    from dfpt.registry.notifications import outbox

    found = [_as_object(*row) for row in outbox.listed(open_store(home))]
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
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
    identity: Annotated[int, typer.Argument(metavar="ID", help="Of dfpt notifications list.")],
    dry_run: DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Try again what waits or was given up; the next round sends it."""
    from dfpt.registry.notifications import outbox

    store = open_store(home)
    if dry_run:
        typer.echo(f"Would try delivery {identity} again.")
        return
    typer.echo(f"Delivery {identity} to {outbox.retry(store, identity).channel} is tried again in the next round.")


def _as_object(delivery: Delivery, notification: Notification) -> dict[str, Any]:
    fields = ("id", "channel", "state", "attempts", "last_error")
    times = {name: getattr(delivery, name) for name in ("created_at", "next_at", "delivered_at")}
    about = {"event": notification.event, "record": notification.record, "note": notification.note}
    told = {name: None if moment is None else moment.isoformat() for name, moment in times.items()}
    return {name: getattr(delivery, name) for name in fields} | about | told
