"""Servers that we start: in a process group of their own, answering before anybody goes there, stopped at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from dfpt.errors import StepFailed

_STOP_SECONDS = 10.0
_PROBE_SECONDS = 2.0


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    probe: str,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    seconds: float = 60.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server, answering; stopped with everything that it started when the block ends.

    Args:
        name: as the subject of a sentence.
        probe: URL that answers once it is there.
        environment: variables besides our own.
        log: file for what it says; None: it says it where we do.
        seconds: how long it may take to start.

    Raises:
        StepFailed: it does not start.
    """
    with contextlib.nullcontext() if log is None else log.open("wb") as stream:
        server = subprocess.Popen(
            command,
            stdout=stream,
            stderr=None if log is None else subprocess.STDOUT,
            env=os.environ | dict(environment or {}),
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
    try:
        _await(server, name, probe, log, seconds)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _await(server: subprocess.Popen[bytes], name: str, probe: str, log: Path | None, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(probe, timeout=_PROBE_SECONDS):
            return
        time.sleep(0.2)
    raise StepFailed(f"{name} does not start at {probe}.", f"Its last words are in {log}." if log else "See above.")
