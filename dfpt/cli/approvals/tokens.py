"""``dfpt approvals token``: what programs come in with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import options
from dfpt.cli.approvals import tables
from dfpt.cli.approvals.users import Name

if TYPE_CHECKING:
    from dfpt.approvals.tables import Account, Token

app = typer.Typer(no_args_is_help=True, help="What programs come in with.")


@app.command("create")
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
    settings = tables.settings_of(home)
    from dfpt.approvals import accounts, tokens

    with tables.writing(settings.home, dry_run) as engine:
        account = accounts.by_name(engine, name)
        issued = tokens.create(engine, account, label, scope, days)
    shown = _token(account, issued.token) | {"secret": None if dry_run else issued.secret, "dry_run": dry_run}
    would = f"Would make a token of {name} for {', '.join(shown['scopes'])}, until {shown['expires_at'][:10]}."
    options.say(would if dry_run else issued.secret, shown | ({"id": None} if dry_run else {}), as_json)


@app.command("list")
def list_tokens(home: options.Home = options.DEFAULT_HOME, as_json: options.Json = False) -> None:
    """All tokens that there were, the newest first; never their secrets."""
    settings = tables.settings_of(home)
    from dfpt.approvals import tokens

    with tables.reading(settings.home) as engine:
        found = [_token(account, token) for account, token in tokens.listed(engine)]
    lines = [
        f"{one['id']}  {one['account']}  {one['label']}  {' '.join(one['scopes'])}  "
        + (f"revoked {one['revoked_at'][:10]}" if one["revoked_at"] else f"until {one['expires_at'][:10]}")
        for one in found
    ]
    options.say("\n".join(lines) or "None yet.", found, as_json)


@app.command("revoke")
def revoke_token(
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", min=1, max=options.LARGEST, help="As in dfpt approvals token list.")
    ],
    dry_run: options.DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
    as_json: options.Json = False,
) -> None:
    """End a token, at once and for good."""
    settings = tables.settings_of(home)
    from dfpt.approvals import tokens

    with tables.writing(settings.home, dry_run) as engine:
        tokens.revoke(engine, number)
    sentence = f"Would revoke token {number}." if dry_run else f"Token {number} is revoked."
    options.say(sentence, {"id": number, "revoked": True, "dry_run": dry_run}, as_json)


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
