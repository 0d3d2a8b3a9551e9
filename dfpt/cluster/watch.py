"""Wait for a run in the cluster, and tell what moves. A lost connection is no end: the run goes on without us."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dfpt.cluster import outcome
from dfpt.cluster.errors import Unreachable
from dfpt.errors import StepFailed

if TYPE_CHECKING:
    import kfp_server_api as api

    from dfpt.cluster.kfp import Pipelines

_LOST_SECONDS = 300.0  # without any answer, until waiting is given up


def wait(
    pipelines: Pipelines,
    run_id: str,
    tell: Callable[[outcome.Step], None],
    every_seconds: float,
    limit_seconds: float | None = None,
    lost_seconds: float = _LOST_SECONDS,
) -> api.V2beta1Run:
    """Return the run when it has ended.

    Args:
        tell: is called for every step whose state has changed.
        limit_seconds: until waiting is given up; the run goes on.

    Raises:
        StepFailed: the limit is reached, or the API has not answered for ``lost_seconds``.
    """
    started = heard = time.monotonic()
    known: list[outcome.Step] = []
    while True:
        try:
            run = pipelines.run(run_id)
        except Unreachable as error:
            if time.monotonic() - heard > lost_seconds:
                raise StepFailed(error.message, f"The run goes on: dfpt pipeline status {run_id}") from error
        else:
            heard = time.monotonic()
            now = outcome.steps(run)
            for step in outcome.moved(known, now):
                tell(step)
            known = now
            if outcome.outcome(run).exit_code is not None:
                return run
        if limit_seconds is not None and time.monotonic() - started > limit_seconds:
            raise StepFailed(
                f"The run has not ended within {limit_seconds:g} s.", f"It goes on: dfpt pipeline status {run_id}"
            )
        time.sleep(every_seconds)
