"""The one place where a step's call becomes an MLflow run."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dfpt.runtime.revision import code_revision
from dfpt.settings import Section

if TYPE_CHECKING:
    from dfpt.tracking.run import TrackedRun

VARIABLE = "DFPT_TRACKING"
EXPERIMENT = "dfpt"  # of a step that no run of ours has started


@dataclass(frozen=True)
class Tracking:
    """What a runner tells its steps in one environment variable: experiment, run above them, tags."""

    experiment: str
    parent: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def to_environment(self) -> str:
        return json.dumps(asdict(self))


@contextlib.contextmanager
def tracked(step: str, config: Section, home: Path, cancelled: Callable[[], bool]) -> Iterator[TrackedRun | None]:
    """The MLflow run of this call; None where nobody asked: neither a runner nor MLFLOW_TRACKING_URI."""
    if told := os.environ.get(VARIABLE):
        tracking = Tracking(**json.loads(told))
    elif os.environ.get("MLFLOW_TRACKING_URI"):
        from dfpt.tracking import store

        given = os.environ.get("MLFLOW_EXPERIMENT_ID")
        tracking = Tracking(given or store.ensure(home, EXPERIMENT), tags={"dfpt.code_revision": code_revision()})
    else:
        yield None
        return

    from dfpt.tracking import store
    from dfpt.tracking.run import step_run

    uri = store.tracking_uri(home)
    with step_run(tracking.parent, step, config, uri, tracking.experiment, tracking.tags, cancelled) as run:
        yield run
