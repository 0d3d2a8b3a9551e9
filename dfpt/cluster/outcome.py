"""What a run in the cluster has come to: how far each step is, and which exit code that is.

A closed gate is SUCCEEDED to Kubeflow. So the run's state alone says nothing: what counts is which branch the backend
took on the gate's output, which shows in whether register has run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dfpt.errors import EXIT_FAILED, EXIT_PENDING, EXIT_REFUSED, EXIT_USAGE
from dfpt.graph import STEPS

if TYPE_CHECKING:
    import kfp_server_api as api

PENDING, RUNNING, SUCCEEDED, FAILED = "PENDING", "RUNNING", "SUCCEEDED", "FAILED"
UNDER_WAY = frozenset({PENDING, RUNNING, "CANCELING", "PAUSED", "RUNTIME_STATE_UNSPECIFIED", None})
_ATTEMPT = re.compile(r"\(\d+\)$")  # of a task that is retried
_EXIT_CODE = re.compile(r"exit (?:code|status) (\d+)")


@dataclass(frozen=True)
class Step:
    """How far one step is.

    Attributes:
        state: Kubeflow's word; SKIPPED is "taken from the cache".
        seconds: since it began, until it ended; None where it has not begun or goes on.
        message: what Kubeflow says of a failure.
    """

    name: str
    state: str
    seconds: float | None
    message: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a run has come to.

    Attributes:
        status: "running", "waiting" (for approval), "refused" (by the gate or as data), "failed" or "canceled".
        exit_code: of design.md's table; None while it runs.
        step: the one that failed.
    """

    status: str
    exit_code: int | None
    reason: str
    step: str | None = None


def steps(run: api.V2beta1Run) -> list[Step]:
    """The steps that have begun, in the graph's order."""
    newest: dict[str, api.V2beta1PipelineTaskDetail] = {}
    for task in (run.run_details.task_details if run.run_details else None) or []:
        name = _ATTEMPT.sub("", task.display_name or "")
        if name in STEPS and (name not in newest or _began(task) >= _began(newest[name])):
            newest[name] = task
    return [_step(name, newest[name]) for name in STEPS if name in newest]


def outcome(run: api.V2beta1Run) -> Outcome:
    """What ``run`` has come to."""
    if run.state in UNDER_WAY:
        return Outcome("running", None, "It runs.")
    done = {step.name: step for step in steps(run)}
    if run.state == SUCCEEDED:
        register = done.get("register")
        if register is not None and register.state == SUCCEEDED:
            return Outcome("waiting", EXIT_PENDING, "The student is registered and waits for approval.")
        if "gate" in done:
            return Outcome("refused", EXIT_REFUSED, "The gate said no: nothing was registered.", "gate")
        return Outcome("failed", EXIT_FAILED, "Kubeflow calls it a success, but its gate has not run.")
    failed = next((step for step in done.values() if step.state == FAILED), None)
    if run.state == FAILED:
        said = (failed.message if failed else "") or (run.error.message if run.error else "") or "no reason is given"
        code = _code(said)
        where = f"Step {failed.name}" if failed else "The run"
        status = "refused" if code == EXIT_REFUSED else "failed"
        return Outcome(status, code, f"{where} failed: {said}", failed.name if failed else None)
    return Outcome("canceled", EXIT_FAILED, f"It ended as {run.state}.")


def moved(before: Iterable[Step], now: Iterable[Step]) -> list[Step]:
    """The steps whose state is another than before."""
    known = {step.name: step.state for step in before}
    return [step for step in now if known.get(step.name) != step.state]


def _code(message: str) -> int:
    """The exit code that a failure's message names, where it is one of ours."""
    found = {int(code) for code in _EXIT_CODE.findall(message)} & {EXIT_USAGE, EXIT_REFUSED}
    return max(found, default=EXIT_FAILED)


def _step(name: str, task: api.V2beta1PipelineTaskDetail) -> Step:
    message = task.error.message if task.error else ""
    seconds = None
    if task.start_time and task.end_time and task.end_time >= task.start_time:  # the zero time is 1970
        seconds = (task.end_time - task.start_time).total_seconds()
    return Step(name, task.state or PENDING, seconds, message or "")


def _began(task: api.V2beta1PipelineTaskDetail) -> datetime:
    from datetime import UTC

    began: datetime = task.create_time or datetime.min.replace(tzinfo=UTC)
    return began
