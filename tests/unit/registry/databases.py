"""Databases of the registry, as a plugin for the modules that name it: SQLite, and a real PostgreSQL on loopback."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from dfpt.registry.store import URL_VARIABLE, Store, open_store

_WAIT_SECONDS = 30


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a private server, which ends with the session; one for each worker of xdist."""
    found = _binaries()
    if found is None:
        missing = "no PostgreSQL server binaries on this machine (Debian: postgresql)"
        if os.environ.get("CI"):  # what decides must not leave half of the databases out
            pytest.fail(missing)
        pytest.skip(missing)
    account = pwd.getpwnam("postgres") if os.getuid() == 0 else None  # the server refuses to be root
    folder = Path(tempfile.mkdtemp(prefix="dfpt-postgresql-"))  # pytest's own folders are closed to that account
    user = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    password, port = secrets.token_hex(8), _free_port()
    try:
        secret = folder / "password"
        secret.write_text(password)
        secret.chmod(0o644)
        data = folder / "data"
        subprocess.run(
            [found / "initdb", "-D", data, "-U", "dfpt", "-A", "scram-sha-256", "--pwfile", secret, "-N"],
            check=True,
            capture_output=True,
            cwd=folder,
            **user,  # type: ignore[arg-type]
        )
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
        options |= {"shared_buffers": "16MB", "max_connections": "40"}
        server = subprocess.Popen(
            [found / "postgres", "-D", data, "-p", str(port)]
            + [word for key, value in options.items() for word in ("-c", f"{key}={value}")],
            stdout=subprocess.DEVNULL,
            stderr=(folder / "log").open("wb"),
            cwd=folder,
            **user,  # type: ignore[arg-type]
        )
        try:
            ready = [found / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            subprocess.run(
                ["timeout", str(_WAIT_SECONDS), "sh", "-c", 'until "$@"; do sleep 0.05; done', "sh", *ready],
                check=True,
            )
            yield f"postgresql://dfpt:{password}@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(_WAIT_SECONDS)
    finally:
        shutil.rmtree(folder)


def new_database(server: str) -> str:
    """The URL of a new, empty database."""
    name = f"test_{secrets.token_hex(6)}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the state folders of this test keep their registry in; each test runs on both."""
    if request.param == "postgresql":
        monkeypatch.setenv(URL_VARIABLE, new_database(request.getfixturevalue("postgresql")))
    return str(request.param)


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[Store]:
    """An open, empty database."""
    opened = open_store(tmp_path / "registry-home")
    yield opened
    opened.engine.dispose()


def _binaries() -> Path | None:
    """The folder of initdb and postgres."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
