"""Real processes for the tests of the registry, forked from one that has imported MLflow once."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

PRELOADED = ["mlflow", "mlflow.artifacts", "mlflow.store.tracking.sqlalchemy_store", "dfpt.registry.maintenance"]


def context() -> ForkServerContext:
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(PRELOADED)
    return found


def run(target: Callable[..., None], *arguments: Any, at_once: int = 1) -> list[int]:
    """Run ``target`` in new processes, all at once; return their exit codes (minus the signal that ended them)."""
    started = [start(target, *arguments) for _ in range(at_once)]
    for process in started:
        process.join(60)
    codes = [process.exitcode for process in started]
    assert None not in codes, "a process does not end"
    return [int(code) for code in codes if code is not None]


def start(target: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """Begin ``target`` in a new process."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(("DFPT_", "MLFLOW_"))}
    process = context().Process(target=_in, args=(environment, target, arguments))
    process.start()
    return process


def die_at(owner: Any, point: str, when: str) -> None:
    """From now on this process is killed before or after ``owner.point`` runs."""
    whole = getattr(owner, point)

    def cut(*arguments: Any, **named: Any) -> None:
        if when == "after":
            whole(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, point, cut)


def append(home: Path, records: int) -> None:
    """File requests, each of a model of its own."""
    from dfpt.registry import requests
    from dfpt.registry.actor import Actor
    from dfpt.registry.store import open_store

    store = open_store(home)
    for number in range(records):
        requests.file(store, f"model-{os.getpid()}-{number}", 1, "w", "a", Actor("ada", "ada"))


def _in(environment: dict[str, str], target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.update(environment)  # the fork server has that of the first test
    target(*arguments)
