"""``dfpt triggers serve``: the receiver as a process, and beside it a thread that looks and carries out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from dfpt import logs
from dfpt.errors import DfptError
from dfpt.registry.store import Store
from dfpt.schedules import worker
from dfpt.schedules.file import File
from dfpt.schedules.lease import Lease
from dfpt.triggers.app import LOG, create_app

Task = Callable[[], None]


def serve(
    store: Store, file: File, host: str, port: int, every_seconds: float, tasks: Sequence[Task], lease: Lease
) -> None:
    """Answer until SIGTERM or SIGINT; meanwhile do ``tasks`` every so often, while no other process has ``lease``."""
    log = logs.configure(LOG)
    ending = threading.Event()
    thread = threading.Thread(target=look, args=(lease, tasks, every_seconds, ending, log), name="look", daemon=True)
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


def look(lease: Lease, tasks: Sequence[Task], every_seconds: float, ending: threading.Event, log: logs.Logger) -> None:
    """Until ``ending``: stand by while another is at work, else do ``tasks`` at once and every so often."""
    said = ""
    while not ending.is_set():
        try:
            if lease.take():
                _work(lease, tasks, every_seconds, ending, log)
                said = ""
            elif (holder := lease.holder_now()) != said:
                log.info("standing by", at_work=holder)
                said = holder
        except SQLAlchemyError as error:
            log.error("the database does not answer", error=str(error))
        ending.wait(lease.seconds / 3)


def _work(lease: Lease, tasks: Sequence[Task], every_seconds: float, ending: threading.Event, log: logs.Logger) -> None:
    """Until ``ending``, or until the lease is lost."""
    stop = threading.Event()

    def lost() -> None:
        log.error("no longer at work: another has taken over, or the database does not answer")
        stop.set()

    log.info("at work", every_seconds=every_seconds)
    with lease.kept(lost):
        while not ending.is_set() and not stop.is_set():
            for task in tasks:
                if lease.held:
                    attempt(task, log)
            due = time.monotonic() + every_seconds
            while time.monotonic() < due and not stop.is_set() and not ending.wait(min(1.0, every_seconds)):
                pass


def attempt(task: Task, log: logs.Logger) -> None:
    """One task's trouble ends neither the others nor the service."""
    try:
        task()
    except DfptError as error:
        log.error("not done", error=error.message, remedy=error.remedy)
    except Exception:
        log.exception("not done")
