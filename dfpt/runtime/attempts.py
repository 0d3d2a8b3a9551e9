"""What one attempt at a step leaves for the next, and for the task that tells how the run has ended.

An engine that retries knows nothing of exit codes. A step that failed while working may do better the next time; one
that ended with wrong usage or a refusal would only say the same again, after all the work.
"""

from __future__ import annotations

import os
from pathlib import Path

from dfpt.context import home_folder
from dfpt.errors import EXIT_FAILED, DfptError
from dfpt.graph import STEPS
from dfpt.runtime import trouble

RUN = "DFPT_RUN"  # names the run on a cluster; no variable of this name, no notes


def note(step: str) -> Path | None:
    """Where ``step`` of this run leaves its error; None outside a cluster's run."""
    run = os.environ.get(RUN)
    return home_folder() / "runs" / run / "errors" / f"{step}.json" if run else None


def final(step: str) -> DfptError | None:
    """The error that an earlier attempt ended with, where another attempt cannot end otherwise."""
    path = note(step)
    error = trouble.found(path) if path else None
    return error if error and error.exit_code != EXIT_FAILED else None


def errors() -> dict[str, DfptError]:
    """The errors of this run's steps, in the order of the graph."""
    found = {step: trouble.found(path) for step in STEPS if (path := note(step))}
    return {step: error for step, error in found.items() if error}
