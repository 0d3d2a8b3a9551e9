"""The note that an executed step leaves for its runner, which cannot see it run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dfpt import files


@dataclass(frozen=True)
class Executed:
    """One executed step: where everything is, and what it took.

    Attributes:
        seconds: of its function, imports included.
        peak_memory: bytes, the most that its process ever had resident.
    """

    step: str
    seconds: float
    peak_memory: int
    inputs: Mapping[str, Path]
    outputs: Mapping[str, Path]
    metrics: Path


def write(folder: Path, executed: Executed) -> None:
    """Leave the note in the run's ``folder``."""
    files.write_json(
        folder / f"{executed.step}.json",
        {
            "seconds": executed.seconds,
            "peak_memory": executed.peak_memory,
            "inputs": {name: str(path) for name, path in executed.inputs.items()},
            "outputs": {name: str(path) for name, path in executed.outputs.items()},
            "metrics": str(executed.metrics),
        },
    )


def read(folder: Path, step: str) -> Executed | None:
    """The note of ``step``; None where it was not executed."""
    path = folder / f"{step}.json"
    if not path.exists():
        return None
    left = json.loads(path.read_text(encoding="utf-8"))
    return Executed(
        step,
        left["seconds"],
        left["peak_memory"],
        {name: Path(value) for name, value in left["inputs"].items()},
        {name: Path(value) for name, value in left["outputs"].items()},
        Path(left["metrics"]),
    )
