"""The embedded scheduler on a real database: what it keeps over a restart, and what it does not catch up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dfpt.registry.store import Store
from dfpt.schedules import clock
from dfpt.schedules.file import File

pytest_plugins = "tests.unit.registry.databases"

NIGHTLY = {"cron": "0 30 1 * * *", "timezone": "Asia/Tokyo"}


def file(**schedules: Any) -> File:
    return File.model_validate({"schedules": schedules})


def started(store: Store) -> Any:
    running = clock.scheduler(store.engine)
    running.start(paused=True)
    return running


def make_due(store: Store, moment: datetime) -> None:
    """As a scheduler left its jobs that has been away since before ``moment``."""
    kept = clock.kept(store.engine)
    kept.start(clock.scheduler(store.engine), clock.KEPT)
    for job in kept.get_all_jobs():
        job._modify(next_run_time=moment)
        kept.update_job(job)


def times(running: Any) -> dict[str, datetime]:
    return {job.name: job.next_run_time for job in running.get_jobs(clock.KEPT)}


def test_jobs_are_kept_over_a_restart_and_unchanged_ones_keep_their_time(store: Store, tmp_path: Path) -> None:
    first = started(store)
    assert clock.synchronise(first, file(nightly=NIGHTLY)) == {"nightly": "added"}
    first.shutdown()
    missed = datetime.now(UTC) - timedelta(days=2)
    make_due(store, missed)

    second = clock.scheduler(store.engine)
    second.start(paused=True)
    assert clock.synchronise(second, file(nightly=NIGHTLY)) == {}
    assert times(second) == {"nightly": missed}
    second.remove_all_jobs()  # or it would be run now
    second.shutdown()


def test_jobs_follow_the_file(store: Store, tmp_path: Path) -> None:
    running = started(store)
    clock.synchronise(running, file(nightly=NIGHTLY, other=NIGHTLY))
    changed = file(nightly=NIGHTLY | {"run": {"profile": "demo"}}, third=NIGHTLY | {"enabled": False})
    assert clock.synchronise(running, changed) == {"other": "removed", "nightly": "replaced"}
    (job,) = running.get_jobs(clock.KEPT)
    assert job.kwargs["arguments"] == ["--profile", "demo"]
    running.shutdown()


def test_the_next_time_is_that_of_the_schedules_zone(store: Store, tmp_path: Path) -> None:
    running = started(store)
    clock.synchronise(running, file(nightly=NIGHTLY))
    assert times(running)["nightly"].astimezone(UTC).strftime("%H:%M:%S") == "16:30:00"
    running.shutdown()


def test_one_thing_runs_at_a_time_and_what_was_missed_is_not_caught_up(store: Store) -> None:
    running = clock.scheduler(store.engine)
    assert running._job_defaults == {"coalesce": True, "max_instances": 1, "misfire_grace_time": clock.GRACE_SECONDS}
    running.start(paused=True)
    assert running._executors["default"]._pool._max_workers == 1
    running.shutdown()


@pytest.mark.parametrize("previous", [None, datetime(2026, 11, 24, 16, 30, tzinfo=UTC)])
def test_the_trigger_goes_on_from_the_time_before(previous: datetime | None) -> None:
    now = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
    found = clock.CronTrigger("0 30 1 * * *", "Asia/Tokyo").get_next_fire_time(previous, now)
    assert found == (now if previous is None else now + timedelta(days=1))
