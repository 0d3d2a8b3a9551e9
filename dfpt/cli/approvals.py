"""``dfpt approvals``: run the service, and say who may come in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import options
from dfpt.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from dfpt.approvals.settings import Settings
    from dfpt.approvals.tables import Account, Token

app = typer.Typer(no_args_is_help=True, help="Run the approvals service; its accounts and tokens.")
user = typer.Typer(no_args_is_help=True, help="Who may come in. What they may do stands in approvals.yaml, by name.")
token = typer.Typer(no_args_is_help=True, help="What programs come in with.")
app.add_typer(user, name="user")
app.add_typer(token, name="token")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the account, as in approvals.yaml.")]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen at; else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port; else 8080.")] = None,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Answer until Ctrl-C. DFPT_SERVICE_* in the environment sets the rest: docs/approvals-service.md."""
    settings = _settings(home, host=host, port=port)
    from dfpt.approvals import links, server

    link = links.first(_engine(settings.home), settings)
    typer.echo(f"Approvals: {settings.url}")
    if link is not None and settings.oidc is None:
        typer.echo(f"Nobody has an account yet. The first one, within {settings.link_hours} hours: {link}")
    server.serve(settings)


@user.command("add")
def add_user(
    name: Name,
    dry_run: options.DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """A new account, and the link by which the person chooses a password; a program needs none, only a token."""
    settings = _settings(home)
    from dfpt.approvals import accounts, links

    with _writing(settings.home, dry_run) as engine:
        account = accounts.add(engine, name)
        link = None if dry_run else links.of_account(engine, settings, account)
    sentence = f"{name} may come in. To choose a password, within {settings.link_hours} hours: {link}"
    options.say(
        f"Would add the account {name}, and give the link to choose its password by." if dry_run else sentence,
        _account(account) | {"link": link, "dry_run": dry_run} | ({"subject": None} if dry_run else {}),
        as_json,
    )


@user.command("list")
def list_users(home: options.Home = options.DEFAULT_HOME, as_json: options.Json = False) -> None:
    """Who may come in."""
    settings = _settings(home)
    from dfpt.approvals import accounts

    with _reading(settings.home) as engine:
        found = [_account(account) for account in accounts.listed(engine)]
    lines = [f"{one['name']}  {one['subject']}{'  closed' if one['disabled'] else ''}" for one in found]
    options.say("\n".join(lines) or "Nobody yet.", found, as_json)


def _switch(command: str, explained: str, disabled: bool) -> None:
    """A command that closes an account or opens it again."""

    @user.command(command, help=explained)
    def switch(
        name: Name,
        dry_run: options.DryRun = False,
        home: options.Home = options.DEFAULT_HOME,
        as_json: options.Json = False,
    ) -> None:
        settings = _settings(home)
        from dfpt.approvals import accounts

        with _writing(settings.home, dry_run) as engine:
            account = accounts.disable(engine, name, disabled)
        sentence = f"{name} {'would be' if dry_run else 'is'} {'closed' if disabled else 'open'}."
        options.say(sentence, _account(account) | {"dry_run": dry_run}, as_json)


_switch("disable", "Close an account: its sessions end, its tokens are refused.", disabled=True)
_switch("enable", "Open a closed account again.", disabled=False)


@token.command("create")
def create_token(
    name: Name,
    label: Annotated[str, typer.Option("--label", help="Where it is used.")],
    scope: Annotated[
        list[str],
        typer.Option("--scope", help="read, request, approve, reject, withdraw, rollback, maintain; several times."),
    ],
    days: Annotated[int, typer.Option("--days", help="How long it lasts.")] = 90,
    dry_run: options.DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """A new token of an account; its secret is shown this once."""
    settings = _settings(home)
    from dfpt.approvals import accounts, tokens

    with _writing(settings.home, dry_run) as engine:
        account = accounts.by_name(engine, name)
        issued = tokens.create(engine, account, label, scope, days)
    shown = _token(account, issued.token) | {"secret": None if dry_run else issued.secret, "dry_run": dry_run}
    would = f"Would make a token of {name} for {', '.join(shown['scopes'])}, until {shown['expires_at'][:10]}."
    options.say(would if dry_run else issued.secret, shown | ({"id": None} if dry_run else {}), as_json)


@token.command("list")
def list_tokens(home: options.Home = options.DEFAULT_HOME, as_json: options.Json = False) -> None:
    """All tokens that there were, the newest first; never their secrets."""
    settings = _settings(home)
    from dfpt.approvals import tokens

    with _reading(settings.home) as engine:
        found = [_token(account, token) for account, token in tokens.listed(engine)]
    lines = [
        f"{one['id']}  {one['account']}  {one['label']}  {' '.join(one['scopes'])}  "
        + (f"revoked {one['revoked_at'][:10]}" if one["revoked_at"] else f"until {one['expires_at'][:10]}")
        for one in found
    ]
    options.say("\n".join(lines) or "None yet.", found, as_json)


@token.command("revoke")
def revoke_token(
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", min=1, max=options.LARGEST, help="As in dfpt approvals token list.")
    ],
    dry_run: options.DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """End a token, at once and for good."""
    settings = _settings(home)
    from dfpt.approvals import tokens

    with _writing(settings.home, dry_run) as engine:
        tokens.revoke(engine, number)
    sentence = f"Would revoke token {number}." if dry_run else f"Token {number} is revoked."
    options.say(sentence, {"id": number, "revoked": True, "dry_run": dry_run}, as_json)


def _settings(home: Path, **given: Any) -> Settings:
    """Of the service that runs on ``home``."""
    try:
        import argon2  # noqa: F401 - one of the extra's packages speaks for all
    except ImportError as error:
        raise UsageError("The approvals service is not installed.", "pip install 'dfpt[approvals]'") from error
    from dfpt.approvals import settings

    return settings.load(options.use_home(home), **given)


def _engine(home: Path) -> Engine:
    from dfpt.approvals import database

    return database.open_tables(home).engine


def _reading(home: Path) -> AbstractContextManager[Engine]:
    """The tables; where there is no database looking makes none."""
    from dfpt.registry import store

    return _writing(home, dry_run=not store.exists(home))


@contextlib.contextmanager
def _writing(home: Path, dry_run: bool) -> Iterator[Engine]:
    """The tables; in a dry run what is written there is undone."""
    from dfpt.approvals import database
    from dfpt.registry.rehearsal import rehearsed

    if dry_run:
        with rehearsed(home, database.CHAIN) as store:
            yield store.engine
    else:
        yield _engine(home)


def _account(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "subject": account.subject,
        "disabled": account.disabled,
        "created_at": account.created_at.isoformat(),
    }


def _token(account: Account, token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "account": account.name,
        "label": token.label,
        "scopes": token.scopes.split(),
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "revoked_at": None if token.revoked_at is None else token.revoked_at.isoformat(),
    }
