"""What runs of the pipeline have made: the folders of a run's data and networks, found by the notes of its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from dfpt.errors import UsageError
from dfpt.runtime import record

FOLDER = "runs"  # of the state folder
CONFIG = "config.yaml"
NETWORKS = ("teacher", "baseline", "student")


@dataclass(frozen=True)
class Made:
    """A run that got as far as evaluate.

    Attributes:
        run: its own folder.
        method: of its distillation.
        trained: of teacher, baseline and student those that began with nothing but packaged weights.
        folders: ``dataset``, ``validation``, ``teacher``, ``baseline``, ``student``.
    """

    run: Path
    method: str
    trained: tuple[str, ...]
    folders: Mapping[str, Path]


def is_run(folder: Path) -> bool:
    """Whether dfpt run has left this folder."""
    return (folder / CONFIG).is_file() and folder.parent.name == FOLDER


def of(run: Path) -> Made:
    """What the run of the folder ``run`` has made, or taken from an earlier one.

    Raises:
        UsageError: it ended before its networks were evaluated, or what it made is gone.
    """
    folders = _folders(run)
    if folders is None:
        raise UsageError(f"The run {run.name} has evaluated no networks.", f"Read why it ended: {run / 'log.txt'}")
    gone = [str(path) for path in folders.values() if not path.is_dir()]
    if gone:
        raise UsageError(f"What the run {run.name} made is gone: {', '.join(gone)}.", "Name another run.")
    config = yaml.safe_load((run / CONFIG).read_text(encoding="utf-8"))
    foreign = config["teacher"].get("weights") is not None
    return Made(run, config["distillation"]["method"], NETWORKS[1:] if foreign else NETWORKS, folders)


def newest_first(home: Path) -> Iterator[Made]:
    """Every run in ``home`` that has evaluated networks which are still there."""
    for run in sorted((home / FOLDER).glob("*/"), reverse=True):
        folders = _folders(run) if is_run(run) else None
        if folders and all(path.is_dir() for path in folders.values()):
            yield of(run)


def _folders(run: Path) -> Mapping[str, Path] | None:
    """The inputs of the step evaluate; where it was taken from the cache, of the run that executed it."""
    if executed := record.read(run, "evaluate"):
        return executed.inputs
    gate = record.read(run, "gate")  # never cached
    if gate is None:
        return None
    earlier = (record.read(other, "evaluate") for other in run.parent.iterdir())
    return next(
        (note.inputs for note in earlier if note and note.outputs["evaluation"] == gate.inputs["evaluation"]), None
    )
