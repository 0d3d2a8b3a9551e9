"""``dfpt up``: MLflow's pages over what the runs have left."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from dfpt.cli import options
from dfpt.errors import StepFailed, UsageError

HOST = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


def command(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on this machine.")] = 5000,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Show MLflow's pages on this machine until Ctrl-C, and where to compare the last run's models."""
    from dfpt.tracking import store

    home = options.use_home(home)
    uri = store.tracking_uri(home)
    if uri.startswith("http"):  # MLFLOW_TRACKING_URI: somebody else's server
        _announce(uri, uri)
        return
    if uri.startswith("sqlite:") and not (home / store.DATABASE).exists():
        raise UsageError(f"There are no runs in {home}.", "Name the folder with --home, or make some: dfpt run.")
    require_free(port)
    with contextlib.suppress(KeyboardInterrupt), _server(uri, home, port) as server:
        _announce(f"http://{HOST}:{port}", uri)
        typer.echo("Ctrl-C stops it.")
        server.wait()
        raise StepFailed("MLflow's server has stopped by itself.", f"Its last words are in {_log(home)}.")


def require_free(port: int) -> None:
    """Raise StepFailed where somebody listens on ``port`` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection that has just ended does not count
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StepFailed(f"Port {port} on {HOST} is taken.", f"Name another: dfpt up --port {port + 1}") from error


@contextlib.contextmanager
def _server(uri: str, home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's server, answering; stopped with everything that it started when the block ends."""
    from dfpt.tracking import store

    arguments = ["--backend-store-uri", uri, "--default-artifact-root", (home / store.ARTIFACTS).as_uri()]
    arguments += ["--host", HOST, "--port", str(port), "--workers", "1"]
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its consumers take a gigabyte
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with _log(home).open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
    try:
        _await(server, home, port)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _await(server: subprocess.Popen[bytes], home: Path, port: int) -> None:
    """Return when the server answers."""
    import urllib.request

    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=2):
            return
        time.sleep(0.2)
    raise StepFailed(f"MLflow's server does not start on port {port}.", f"Its last words are in {_log(home)}.")


def _announce(ui: str, uri: str) -> None:
    from dfpt.tracking import models, store

    typer.echo(f"MLflow: {ui}")
    if last := models.last_makers(store.client(uri)):
        typer.echo(f"The last run's models side by side: {models.comparison_url(ui, *last)}")


def _log(home: Path) -> Path:
    return home / "mlflow-server.log"
