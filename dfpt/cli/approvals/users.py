"""``dfpt approvals user``: who may come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import options
from dfpt.cli.approvals import tables

if TYPE_CHECKING:
    from dfpt.approvals.tables import Account

app = typer.Typer(no_args_is_help=True, help="Who may come in. What they may do stands in approvals.yaml, by name.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the account, as in approvals.yaml.")]


@app.command("add")
def add_user(
    name: Name,
    dry_run: options.DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """A new account, and the link by which the person chooses a password; a program needs none, only a token."""
    settings = tables.settings_of(home)
    from dfpt.approvals import accounts, links

    with tables.writing(settings.home, dry_run) as engine:
        account = accounts.add(engine, name)
        link = None if dry_run else links.of_account(engine, settings, account)
    sentence = f"{name} may come in. To choose a password, within {settings.link_hours} hours: {link}"
    options.say(
        f"Would add the account {name}, and give the link to choose its password by." if dry_run else sentence,
        _account(account) | {"link": link, "dry_run": dry_run} | ({"subject": None} if dry_run else {}),
        as_json,
    )


@app.command("link")
def link_user(
    name: Name,
    dry_run: options.DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """A new link to choose a password by: the first one has ended, or the password is forgotten."""
    settings = tables.settings_of(home)
    from dfpt.approvals import accounts, links

    with tables.writing(settings.home, dry_run) as engine:
        account = accounts.by_name(engine, name)
        link = links.of_account(engine, settings, account)
    sentence = f"For {name} to choose a password, within {settings.link_hours} hours: {link}"
    options.say(
        f"Would make a link for {name} to choose a password by; an earlier one would work no more."
        if dry_run
        else sentence,
        {"name": account.name, "link": None if dry_run else link, "dry_run": dry_run},
        as_json,
    )


@app.command("list")
def list_users(home: options.Home = options.DEFAULT_HOME, as_json: options.Json = False) -> None:
    """Who may come in."""
    settings = tables.settings_of(home)
    from dfpt.approvals import accounts

    with tables.reading(settings.home) as engine:
        found = [_account(account) for account in accounts.listed(engine)]
    lines = [f"{one['name']}  {one['subject']}{'  closed' if one['disabled'] else ''}" for one in found]
    options.say("\n".join(lines) or "Nobody yet.", found, as_json)


def _switch(command: str, explained: str, disabled: bool) -> None:
    """A command that closes an account or opens it again."""

    @app.command(command, help=explained)
    def switch(
        name: Name,
        dry_run: options.DryRun = False,
        home: options.Home = options.DEFAULT_HOME,
        as_json: options.Json = False,
    ) -> None:
        settings = tables.settings_of(home)
        from dfpt.approvals import accounts

        with tables.writing(settings.home, dry_run) as engine:
            account = accounts.disable(engine, name, disabled)
        sentence = f"{name} {'would be' if dry_run else 'is'} {'closed' if disabled else 'open'}."
        options.say(sentence, _account(account) | {"dry_run": dry_run}, as_json)


_switch("disable", "Close an account: its sessions end, its tokens are refused.", disabled=True)
_switch("enable", "Open a closed account again.", disabled=False)


def _account(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "subject": account.subject,
        "disabled": account.disabled,
        "created_at": account.created_at.isoformat(),
    }
