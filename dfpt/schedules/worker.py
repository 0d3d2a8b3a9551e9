"""``dfpt run`` as a child of the scheduler: started, waited for, ended with it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfpt import logs
from dfpt.context import home_folder
from dfpt.errors import EXIT_FAILED
from dfpt.schedules import tether
from dfpt.schedules.tether import STOP_SECONDS, TIMES_ASKED

LOG = "schedule"
_WORDS = {0: "in production", 3: "refused", 4: "waiting for approval"}


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        exit_code: of design.md's table; negative where a signal ended it.
        result: what ``dfpt run --json`` printed; empty where it ended early.
        cut_off: it was ended with the scheduler, and goes on when it is started again.
    """

    run_id: str
    exit_code: int
    result: dict[str, Any]
    cut_off: bool


class _Children:
    """The processes that were started here and have not ended.

    Attributes:
        home: the state folder of the schedules' runs.
        config: their params.yaml; None takes the one shipped with the package.
    """

    def __init__(self) -> None:
        self.home = home_folder()
        self.config: Path | None = None
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the scheduler is ending."""
        return self._closed

    def open(self, home: Path, config: Path | None) -> None:
        """From now on processes may be started, after an end too."""
        with self._lock:
            self.home, self.config, self._closed = home, config, False

    def start(
        self, command: Sequence[str], environment: dict[str, str], errors: int = subprocess.DEVNULL
    ) -> subprocess.Popen[str] | None:
        """The process; None where the scheduler is ending. A run's own folder has its log."""
        with self._lock:
            if self._closed:
                return None
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )
            self._running.add(process)
            return process

    def output(self, command: Sequence[str]) -> tuple[int, str, str]:
        """A process to its end: exit code, standard output and error; -SIGTERM where the scheduler is ending."""
        process = self.start(command, dict(os.environ), subprocess.PIPE)
        if process is None:
            return -signal.SIGTERM, "", ""
        try:
            printed, said = process.communicate()
        finally:
            self.forget(process)
        return process.returncode, printed, said

    def forget(self, process: subprocess.Popen[str]) -> None:
        with self._lock:
            self._running.discard(process)

    def end(self) -> None:
        """Ask all to stop at their next clean point, and wait."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            for _ in range(TIMES_ASKED):
                _signal(process, signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS / TIMES_ASKED)
                    break
            else:
                _signal(process, signal.SIGKILL)


CHILDREN = _Children()  # APScheduler finds jobs by their name, so what they share is the module's


def run_schedule(name: str, arguments: Sequence[str]) -> None:
    """What a schedule's time does."""
    run(f"schedule {name}", name, arguments, CHILDREN.home, CHILDREN.config)


def run(why: str, stem: str, arguments: Sequence[str], home: Path, config: Path | None) -> Ended | None:
    """``dfpt run`` to its end, with a line in the log before and after; None where the scheduler is ending.

    Args:
        arguments: as the command line has them.
    """
    log = logs.get(LOG)
    run_id = f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    command = [sys.executable, "-m", "dfpt.cli.main", "run", *arguments, "--home", str(home), "--json"]
    command += ["--config", str(config.absolute())] if config else []
    with logs.about(run_id=run_id):
        started = time.monotonic()
        process = CHILDREN.start(command, tether.environment())
        if process is None:
            return None
        log.info("run started", why=why, pid=process.pid)
        try:
            printed, _ = process.communicate()
        finally:
            CHILDREN.forget(process)
        result = _result(printed)
        seconds = round(time.monotonic() - started, 1)
        tell = log.info if process.returncode in _WORDS else log.error
        said = _WORDS.get(process.returncode, "failed")
        tell("run ended", exit_code=process.returncode, outcome=said, seconds=seconds, folder=result.get("folder"))
        cut_off = CHILDREN.closed and (process.returncode < 0 or process.returncode == EXIT_FAILED)
        return Ended(run_id, process.returncode, result, cut_off)


def _result(printed: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        found = json.loads(printed)
        if isinstance(found, dict):
            return found
    return {}


def _signal(process: subprocess.Popen[str], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
