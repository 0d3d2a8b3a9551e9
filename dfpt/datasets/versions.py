"""The data versions that a state folder holds: prepared data sets, found by their content hash."""

from __future__ import annotations

import re
from pathlib import Path

from dfpt.datasets import imageset
from dfpt.datasets.task import FILE, Task
from dfpt.errors import UsageError

_HASH = re.compile(r"[0-9a-f]{8,64}")
_PLACES = ("pipeline/*/prepare/dataset",)  # below the state folder: where dfpt run leaves them


def is_version(text: str) -> bool:
    """Whether ``text`` is a data version, 8 to 64 hexadecimal digits, and not the name of a source."""
    return _HASH.fullmatch(text) is not None


def find(home: Path, version: str) -> Path:
    """The newest prepared data set whose hash begins with ``version``.

    Raises:
        UsageError: there is none, or the beginning fits several versions.
    """
    held = _held(home)
    fitting = [(task, folder) for task, folder in held if task.data_hash.startswith(version)]
    hashes = sorted({task.data_hash for task, _ in fitting})
    if len(hashes) > 1:
        raise UsageError(f"Data version {version} is not unique in {home}.", f"Write more of it: {', '.join(hashes)}.")
    if not fitting:
        known = ", ".join(sorted({f"{task.data_hash[:12]} ({task.source})" for task, _ in held})) or "none"
        raise UsageError(
            f"Data version {version} is not in {home}, which holds: {known}.",
            "dfpt run makes one of its data; or name the source of the images itself, e.g. folder:PATH.",
        )
    return max((folder for _, folder in fitting), key=lambda folder: (folder / imageset.FILE).stat().st_mtime)


def _held(home: Path) -> list[tuple[Task, Path]]:
    """Every prepared data set that is whole; a run that was cut off leaves none."""
    folders = [path for place in _PLACES for path in home.glob(place)]
    return [
        (Task.load(folder), folder)
        for folder in folders
        if (folder / FILE).is_file() and (folder / imageset.FILE).is_file()
    ]
