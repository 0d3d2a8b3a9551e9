"""The embedded scheduler: APScheduler fires the file's schedules, its jobs kept in the registry's database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.job import Job
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from dfpt.schedules import cron, worker
from dfpt.schedules.file import File

if TYPE_CHECKING:
    from sqlalchemy import Engine

KEPT, PASSING = "kept", "passing"  # job stores: what a restart finds again, and what it does not need
GRACE_SECONDS = 60  # so late a run may begin; what is later is missed, and not caught up
_PREFIX = "schedule:"


class CronTrigger(BaseTrigger):  # type: ignore[misc]
    """When a schedule fires, by our reading of cron: the same as in the cluster."""

    def __init__(self, text: str, timezone: str) -> None:
        self.text = text
        self.timezone = timezone

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        after = previous if previous is not None else now - timedelta(microseconds=1)
        return cron.following(cron.parse(self.text), cron.zone(self.timezone), after)

    def __str__(self) -> str:
        return f"{self.text} in {self.timezone}"


def scheduler(engine: Engine) -> BackgroundScheduler:
    """A scheduler that runs one thing at a time and catches nothing up."""
    return BackgroundScheduler(
        jobstores={
            KEPT: kept(engine),
            PASSING: MemoryJobStore(),
        },
        executors={"default": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE_SECONDS},
        timezone="UTC",
    )


def kept(engine: Engine) -> SQLAlchemyJobStore:
    """The jobs that a restart finds again."""
    return SQLAlchemyJobStore(engine=engine.execution_options(dfpt_write=True))


def synchronise(running: BackgroundScheduler, file: File) -> dict[str, str]:
    """Make the kept jobs those of the file; what has not changed keeps its next time. Returns what was done to which.

    To be called on a scheduler that was started paused, so that none of them fires before.
    """
    wanted = {f"{_PREFIX}{name}": item for name, item in file.schedules.items() if item.enabled is not False}
    there: dict[str, Job] = {job.id: job for job in running.get_jobs(KEPT)}
    done: dict[str, str] = {}
    for key, job in there.items():
        if key not in wanted:
            job.remove()
            done[key.removeprefix(_PREFIX)] = "removed"
    for key, item in wanted.items():
        name = key.removeprefix(_PREFIX)
        arguments = {"name": name, "arguments": item.run.arguments()}  # nothing of this machine: another may take over
        known = there.get(key)
        if known is not None and known.kwargs == arguments and str(known.trigger) == f"{item.cron} in {item.timezone}":
            continue
        running.add_job(
            worker.run_schedule,
            CronTrigger(item.cron, item.timezone),
            kwargs=arguments,
            id=key,
            name=name,
            jobstore=KEPT,
            replace_existing=True,
        )
        done[name] = "replaced" if known else "added"
    return done


def repeat(running: BackgroundScheduler, key: str, task: Callable[[], None], every_seconds: float) -> None:
    """Do ``task`` now and every so often, when nothing else runs."""
    running.add_job(
        task,
        "interval",
        seconds=every_seconds,
        next_run_time=datetime.now(UTC),
        misfire_grace_time=None,  # late is better than not at all: it waits for the run before it
        id=key,
        name=key,
        jobstore=PASSING,
    )
