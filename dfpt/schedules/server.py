"""``dfpt schedule serve``: the embedded scheduler as a process, from its turn to its clean end.

Several may share a database: one is at work, the others stand by and take over when it has ended or died.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from sqlalchemy.exc import SQLAlchemyError

from dfpt import logs
from dfpt.registry.store import Store, open_store
from dfpt.schedules import clock, lease, worker
from dfpt.schedules.file import File
from dfpt.schedules.lease import Lease

Tasks = Callable[[Store], list[Callable[[], None]]]

_EVENTS = {
    EVENT_JOB_MISSED: "missed, not caught up",
    EVENT_JOB_MAX_INSTANCES: "skipped: the one before it still runs",
    EVENT_JOB_ERROR: "failed",
}
_END = {bytes([number]) for number in (signal.SIGTERM, signal.SIGINT)}
_LOST = b"l"


def serve(
    file: File,
    home: Path,
    config: Path | None,
    open_store: Callable[[Path], Store] = open_store,
    tasks: Tasks = lambda store: [],
    every_seconds: float = 60.0,
    lease_seconds: float = lease.SECONDS,
) -> None:
    """Keep the file's schedules until SIGTERM or SIGINT, which also end a run at its next clean point.

    While another process with the same database does so, stand by.

    Args:
        open_store: opens the database of ``home``.
        tasks: what else is done every so often, in turns with the schedules' runs.
        lease_seconds: so long after the last sign of life of whoever is at work another takes over.
    """
    log = logs.configure(worker.LOG)
    home.mkdir(parents=True, exist_ok=True)
    store = open_store(home)
    mine, bell = Lease(store, lease.RUNS, lease_seconds), _Bell()
    try:
        while _wait_for_turn(mine, bell, log):
            with mine.kept(lambda: bell.ring(_LOST)):
                ended = _serve(file, home, config, log, store, tasks(store), every_seconds, bell)
            if ended:
                break
            log.error("no longer at work: another has taken over, or the database does not answer")
    finally:
        store.engine.dispose()
    log.info("ended")


class _Bell:
    """What the main thread waits at: a pipe, into which the interpreter writes a signal's number as it arrives.

    A handler of ours could not: it runs between two instructions, so a signal just before the wait would wait with it.
    """

    def __init__(self) -> None:
        self._wake, self._ring = os.pipe()
        os.set_blocking(self._ring, False)
        signal.set_wakeup_fd(self._ring)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: None)

    def ring(self, why: bytes) -> None:
        os.write(self._ring, why)

    def wait(self, seconds: float | None = None) -> bytes:
        """Why it rang; empty where it did not in time."""
        ready, _, _ = select.select([self._wake], [], [], seconds)
        return os.read(self._wake, 1) if ready else b""


def _wait_for_turn(mine: Lease, bell: _Bell, log: logs.Logger) -> bool:
    """Stand by until nobody else is at work; False where this process is to end."""
    said = ""
    while True:
        try:
            if mine.take():
                return True
            if (holder := mine.holder_now()) != said:
                log.info("standing by", at_work=holder)
                said = holder
        except SQLAlchemyError as error:
            log.error("the database does not answer", error=str(error))
        if bell.wait(mine.seconds / 3) in _END:
            return False


def _serve(
    file: File,
    home: Path,
    config: Path | None,
    log: logs.Logger,
    store: Store,
    tasks: list[Callable[[], None]],
    every_seconds: float,
    bell: _Bell,
) -> bool:
    """Be at work; whether it ended because it was to."""
    worker.CHILDREN.open(home, config)
    running = clock.scheduler(store.engine)
    running.add_listener(lambda event: _note(event, log), sum(_EVENTS))
    running.start(paused=True)
    try:
        done = clock.synchronise(running, file)
        for index, task in enumerate(tasks):
            clock.repeat(running, f"task:{index}", task, every_seconds)
        running.resume()
        times = {job.name: str(job.next_run_time) for job in running.get_jobs(clock.KEPT)}
        log.info("serving", schedules=times, changed=done)
        why = bell.wait()
        log.info("ending")
    finally:
        worker.CHILDREN.end()
        running.shutdown(wait=True)
    return why in _END


def _note(event: JobEvent, log: logs.Logger) -> None:
    about = {"job": event.job_id, "scheduled_at": str(getattr(event, "scheduled_run_time", None))}
    if event.code == EVENT_JOB_ERROR:
        log.error(_EVENTS[event.code], error=repr(event.exception), **about)
    else:
        log.warning(_EVENTS[event.code], **about)
