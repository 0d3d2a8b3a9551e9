"""``dfpt approvals``: run the service, and say who may come in."""

from __future__ import annotations

from typing import Annotated

import typer

from dfpt.cli import options
from dfpt.cli.approvals import tables, tokens, users

app = typer.Typer(no_args_is_help=True, help="Run the approvals service; its accounts and tokens.")
app.add_typer(users.app, name="user")
app.add_typer(tokens.app, name="token")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen at; else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port; else 8080.")] = None,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Answer until Ctrl-C. DFPT_SERVICE_* in the environment sets the rest: docs/approvals-service.md."""
    settings = tables.settings_of(home, host=host, port=port)
    from dfpt.approvals import links, server

    link = links.first(tables.opened(settings.home), settings)
    typer.echo(f"Approvals: {settings.url}")
    if link is not None and settings.oidc is None:
        typer.echo(f"Nobody has an account yet. The first one, within {settings.link_hours} hours: {link}")
    server.serve(settings)
