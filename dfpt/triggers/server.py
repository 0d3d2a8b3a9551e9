"""``dfpt triggers serve``: the receiver as a process, and beside it a thread that looks and carries out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import uvicorn

from dfpt import logs
from dfpt.errors import DfptError
from dfpt.registry.store import Store
from dfpt.schedules import worker
from dfpt.schedules.file import File
from dfpt.triggers.app import LOG, create_app

Task = Callable[[], None]


def serve(store: Store, file: File, host: str, port: int, every_seconds: float, tasks: Sequence[Task]) -> None:
    """Answer until SIGTERM or SIGINT; meanwhile do ``tasks`` every so often, the first time at once."""
    log = logs.configure(LOG)
    ending = threading.Event()

    def look() -> None:
        while not ending.is_set():
            for task in tasks:
                attempt(task, log)
            ending.wait(every_seconds)

    thread = threading.Thread(target=look, name="look", daemon=True)
    thread.start()
    log.info("serving", address=f"{host}:{port}", triggers=list(file.triggers), every_seconds=every_seconds)
    try:
        with suppress(KeyboardInterrupt):
            uvicorn.run(
                create_app(store, file),
                host=host,
                port=port,
                server_header=False,
                access_log=False,
                log_config=None,
                ws="none",
            )
    finally:
        ending.set()
        worker.CHILDREN.end()
        thread.join(timeout=5)
        store.engine.dispose()
        log.info("ended")


def attempt(task: Task, log: logs.Logger) -> None:
    """One task's trouble ends neither the others nor the service."""
    try:
        task()
    except DfptError as error:
        log.error("not done", error=error.message, remedy=error.remedy)
    except Exception:
        log.exception("not done")
