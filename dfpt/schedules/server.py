"""``dfpt schedule serve``: the embedded scheduler as a process, from its lock to its clean end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from filelock import FileLock, Timeout

from dfpt import logs
from dfpt.errors import StepFailed
from dfpt.registry.store import Store, open_store
from dfpt.schedules import clock, worker
from dfpt.schedules.file import File

Tasks = Callable[[Store], list[Callable[[], None]]]

_EVENTS = {
    EVENT_JOB_MISSED: "missed, not caught up",
    EVENT_JOB_MAX_INSTANCES: "skipped: the one before it still runs",
    EVENT_JOB_ERROR: "failed",
}


def serve(
    file: File,
    home: Path,
    config: Path | None,
    open_store: Callable[[Path], Store] = open_store,
    tasks: Tasks = lambda store: [],
    every_seconds: float = 60.0,
) -> None:
    """Keep the file's schedules until SIGTERM or SIGINT, which also end a run at its next clean point.

    Args:
        open_store: opens the database of ``home``.
        tasks: what else is done every so often, in turns with the schedules' runs.

    Raises:
        StepFailed: another one is at work on the same state folder.
    """
    log = logs.configure(worker.LOG)
    home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home / "schedules.lock", timeout=0):
            _serve(file, home, config, log, open_store(home), tasks, every_seconds)
    except Timeout:
        raise StepFailed(
            f"Another dfpt schedule serve is at work in {home}.", "End it first, or name another folder with --home."
        ) from None


def _serve(
    file: File,
    home: Path,
    config: Path | None,
    log: logs.Logger,
    store: Store,
    tasks: Tasks,
    every_seconds: float,
) -> None:
    running = clock.scheduler(store.engine)
    running.add_listener(lambda event: _note(event, log), sum(_EVENTS))
    ended, end_it = os.pipe()  # not an Event: a signal during its wait would want the lock that is held

    def end(number: int, frame: FrameType | None) -> None:
        os.write(end_it, b".")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    running.start(paused=True)
    try:
        done = clock.synchronise(running, file, home, config)
        for index, task in enumerate(tasks(store)):
            clock.repeat(running, f"task:{index}", task, every_seconds)
        running.resume()
        times = {job.name: str(job.next_run_time) for job in running.get_jobs(clock.KEPT)}
        log.info("serving", schedules=times, changed=done)
        os.read(ended, 1)
        log.info("ending")
    finally:
        worker.CHILDREN.end()
        running.shutdown(wait=True)
        store.engine.dispose()
    log.info("ended")


def _note(event: JobEvent, log: logs.Logger) -> None:
    about = {"job": event.job_id, "scheduled_at": str(getattr(event, "scheduled_run_time", None))}
    if event.code == EVENT_JOB_ERROR:
        log.error(_EVENTS[event.code], error=repr(event.exception), **about)
    else:
        log.warning(_EVENTS[event.code], **about)
