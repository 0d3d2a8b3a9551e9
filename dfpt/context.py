"""What a step is handed besides its inputs, outputs and configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

Inputs = Mapping[str, Path]
Outputs = Mapping[str, Path]
Metrics = dict[str, float]


def home_folder() -> Path:
    """The state folder: DFPT_HOME, else ``.dfpt`` here."""
    return Path(os.environ.get("DFPT_HOME") or ".dfpt").absolute()


class Reporter(Protocol):
    """Where a step tells how far it is; the shell decides what becomes of it."""

    def progress(self, done: int, total: int, text: str) -> None:
        """``done`` of ``total`` units of work are behind; ``text`` says what they are."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Figures after epoch ``step`` (from 0), under names that are the same in every run."""

    def warn(self, text: str) -> None:
        """Something that a person should know, and that stops nothing."""


class Silent:
    """A reporter that tells nobody: the default in tests and in notebooks."""

    def progress(self, done: int, total: int, text: str) -> None: ...

    def metrics(self, values: Mapping[str, float], step: int) -> None: ...

    def warn(self, text: str) -> None: ...


@dataclass(frozen=True)
class Context:
    """The surroundings of one call of a step.

    Attributes:
        home: the state folder (registry database, MLflow's files, caches shared between runs).
        checkpoints: a folder of this piece of work alone, the same in every attempt at it, so that an interrupted
            attempt is taken up again. Emptied when the step has finished.
        reporter: progress and per-epoch metrics.
        cancelled: asked between batches; true means stop at the next clean point with :class:`StepFailed`.
        tracking_uri: MLflow's, for the steps that read or write the registry.
        run_id: MLflow's run of this step, where tracking is on.
    """

    home: Path
    checkpoints: Path
    reporter: Reporter = field(default_factory=Silent)
    cancelled: Callable[[], bool] = lambda: False
    tracking_uri: str | None = None
    run_id: str | None = None
