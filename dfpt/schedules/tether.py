"""A run that the scheduler has started ends with it, also where it is killed: whoever takes over starts its own."""

from __future__ import annotations

import os
import signal
import threading

VARIABLE = "DFPT_SCHEDULER_PID"
STOP_SECONDS = 60.0  # for a run to reach its next clean point; it goes on there the next time
TIMES_ASKED = 4  # the first one may fall into an import that swallows it
_LOOK_SECONDS = 1.0


def environment() -> dict[str, str]:
    """That of a run which is to end with this process."""
    return dict(os.environ) | {VARIABLE: str(os.getpid())}


def hold() -> None:
    """End this run and its steps when the scheduler that started it is gone; nothing where none has.

    To be called by the leader of the run's session.
    """
    scheduler = os.environ.pop(VARIABLE, "")
    if scheduler:
        threading.Thread(target=_watch, args=(int(scheduler),), name="tether", daemon=True).start()


def _watch(scheduler: int) -> None:
    waiting = threading.Event()
    while os.getppid() == scheduler:
        waiting.wait(_LOOK_SECONDS)
    for _ in range(TIMES_ASKED):
        os.killpg(os.getpgrp(), signal.SIGTERM)
        waiting.wait(STOP_SECONDS / TIMES_ASKED)
    os.killpg(os.getpgrp(), signal.SIGKILL)
