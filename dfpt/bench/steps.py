"""Steps of the pipeline, each done once in a benchmark's folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dfpt import config as configuration
from dfpt import runtime
from dfpt.config import Config
from dfpt.errors import UsageError
from dfpt.graph import STEPS


def execute(
    config: Config, names: Iterable[str], folder: Path, others: Path | None = None
) -> dict[str, dict[str, Any]]:
    """Run those of the steps that ``folder`` has no result of; step -> its metrics.

    Args:
        others: a folder with the results of the steps before them; ``folder`` itself by default.

    Raises:
        DfptError: a step failed.
    """
    metrics = {}
    places: dict[str, Path] = {}
    for name in names:
        step = STEPS[name]
        done = folder / f"{name}.json"
        if not done.exists():
            runtime.execute(
                name,
                configuration.for_step(config, name),
                {given: places.get(given, others or folder) / given for given in step.takes},
                {given: folder / given for given in step.gives},
                done,
            )
        places |= dict.fromkeys(step.gives, folder)
        metrics[name] = read(done)
    return metrics


def read(path: Path) -> dict[str, Any]:
    """A benchmark's JSON file.

    Raises:
        UsageError: it is missing or not JSON.
    """
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"Cannot read {path}: {error}", "Remove it and run the benchmark again.") from error
    return value
