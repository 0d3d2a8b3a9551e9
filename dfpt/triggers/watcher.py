"""What the services do again and again: look at the triggers, carry out what was asked for; each in the log."""

from __future__ import annotations

from pathlib import Path

from dfpt import logs
from dfpt.errors import DfptError
from dfpt.registry.store import Store
from dfpt.schedules.file import File
from dfpt.triggers import watch, work
from dfpt.triggers.app import LOG
from dfpt.triggers.decision import Outcome


def look(store: Store, file: File, config: Path | None, connect: watch.Connect) -> None:
    """Look once at everything that is watched."""
    log = logs.get(LOG)
    for name, result in watch.poll(store, file, config, connect).items():
        if isinstance(result, DfptError):
            log.error("trigger not looked at", trigger=name, error=result.message, remedy=result.remedy)
        elif result not in (None, Outcome.DUPLICATE):
            log.info("trigger", trigger=name, outcome=str(result))


def in_cluster(store: Store, connect: watch.Connect, submit: work.Submit) -> None:
    """Move one request on by a run in the cluster."""
    moved = work.in_cluster(store, connect(), submit)
    if moved is not None:
        about = {"request": moved.id, "trigger": moved.trigger, "exit_code": moved.exit_code}
        logs.get(LOG).info("retraining", run_id=moved.run_id, state=moved.state, **about)
