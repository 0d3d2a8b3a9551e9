"""``dfpt up``: MLflow's pages over what the runs have left, and the approvals service."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfpt.cli import options
from dfpt.errors import StepFailed, UsageError

HOST = "127.0.0.1"
_START_SECONDS = 60.0
_LOOK_SECONDS = 0.5

Server = subprocess.Popen[bytes]

if TYPE_CHECKING:
    from dfpt.runtime.mlflow_accounts import Accounts


def command(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Of MLflow's pages, on this machine.")] = 5000,
    approvals_port: Annotated[
        int, typer.Option("--approvals-port", min=1, max=65535, help="Of the approvals service, on this machine.")
    ] = 8080,
    accounts: Annotated[
        bool,
        typer.Option("--accounts", help="MLflow asks for a name and a password; trainers cannot write production."),
    ] = False,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Show MLflow's pages and the approvals service on this machine until Ctrl-C, and the last run's models."""
    from dfpt.tracking import store

    home = options.use_home(home)
    options.be_impatient()
    uri = store.tracking_uri(home)
    if uri.startswith("sqlite:") and not (home / store.DATABASE).exists():
        raise UsageError(f"There are no runs in {home}.", "Name the folder with --home, or make some: dfpt run.")
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        servers: list[Server] = []
        ui, credential = uri, dict[str, str]()
        if not uri.startswith("http"):  # MLFLOW_TRACKING_URI: somebody else's server
            require_free(port, "--port")
            kept = _prepare(home) if accounts else None
            servers.append(stack.enter_context(_mlflow(uri, home, port, kept)))
            ui = f"http://{HOST}:{port}"
            credential = {} if kept is None else kept.of_approvals(ui)
        _announce(ui, uri)
        if credential:
            _say_how_to_train(home, ui)
        if importlib.util.find_spec("fastapi") is None:
            typer.echo("The approvals service is not installed: pip install 'dfpt[approvals]'")
        else:
            require_free(approvals_port, "--approvals-port")
            servers.append(stack.enter_context(_approvals(home, approvals_port, ui, credential)))
        _until_one_ends(servers)


def require_free(port: int, option: str) -> None:
    """Raise StepFailed where somebody listens on ``port`` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection that has just ended does not count
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StepFailed(
                f"Port {port} on {HOST} is taken.", f"Name another: dfpt up {option} {port + 1}"
            ) from error


@contextlib.contextmanager
def _mlflow(uri: str, home: Path, port: int, accounts: Accounts | None = None) -> Iterator[Server]:
    """With accounts the server hands artifacts out itself, or whoever writes the folder would need no account."""
    from dfpt.runtime import mlflow_accounts, servers
    from dfpt.tracking import store

    place = (home / store.ARTIFACTS).as_uri()
    arguments = ["--backend-store-uri", uri, "--host", HOST, "--port", str(port), "--workers", "1"]
    if accounts is None:
        arguments += ["--default-artifact-root", place]
    else:
        arguments += ["--artifacts-destination", place, "--app-name", "basic-auth"]
    environment = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its consumers take a gigabyte
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = [sys.executable, "-m", "mlflow", "server", *arguments]
    environment |= {} if accounts is None else accounts.of_server()
    url, log = f"http://{HOST}:{port}", home / "mlflow-server.log"
    with servers.running("MLflow's server", command, f"{url}/health", environment, log, _START_SECONDS) as server:
        if accounts is not None:
            mlflow_accounts.ensure_trainer(accounts, url, uri)
        yield server


def _prepare(home: Path) -> Accounts:
    from dfpt.runtime import mlflow_accounts

    if importlib.util.find_spec("flask_wtf") is None:
        raise UsageError(
            "--accounts needs MLflow's own accounts, which are not installed.", "pip install 'mlflow[auth]'"
        )
    return mlflow_accounts.prepare(home)


def _say_how_to_train(home: Path, ui: str) -> None:
    from dfpt.runtime import mlflow_accounts

    trainer = mlflow_accounts.TRAINER
    secret = home / mlflow_accounts.FOLDER / trainer
    typer.echo("Who trains, and whoever looks at MLflow's pages, does it as:")
    typer.echo(
        f"  export MLFLOW_TRACKING_URI={ui} MLFLOW_TRACKING_USERNAME={trainer} "
        f'MLFLOW_TRACKING_PASSWORD="$(cat {secret})"'
    )


def _approvals(home: Path, port: int, ui: str, credential: dict[str, str]) -> AbstractContextManager[Server]:
    """It says itself where it is, and the first account's link."""
    from dfpt.runtime import servers

    command = [sys.executable, "-u", "-m", "dfpt.cli.main", "approvals", "serve"]
    command += ["--host", HOST, "--port", str(port), "--home", str(home)]
    pages = os.environ.get("DFPT_SERVICE_MLFLOW_URL") or ui
    environment = {"DFPT_SERVICE_MLFLOW_URL": pages} | credential
    probe = f"http://{HOST}:{port}/health/live"
    return servers.running("The approvals service", command, probe, environment, seconds=_START_SECONDS)


def _until_one_ends(servers: list[Server]) -> None:
    """Wait for ever; without a server of ours there is nothing to wait for. Raises StepFailed: one has stopped."""
    if not servers:
        return
    typer.echo("Ctrl-C stops it.")
    while all(server.poll() is None for server in servers):
        time.sleep(_LOOK_SECONDS)
    raise StepFailed(
        "A server has stopped by itself.", "MLflow's last words are in mlflow-server.log, in the state folder."
    )


def _announce(ui: str, uri: str) -> None:
    from dfpt.tracking import models, store

    typer.echo(f"MLflow: {ui}")
    if last := models.last_makers(store.client(uri)):
        typer.echo(f"The last run's models side by side: {models.comparison_url(ui, *last)}")
