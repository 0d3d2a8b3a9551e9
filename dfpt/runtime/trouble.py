"""From any exception to an error that a person can act on, and across the border between a step and its runner."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import traceback
from pathlib import Path

from dfpt import errors, files
from dfpt.errors import DfptError, StepFailed, UsageError

_FULL = (errno.ENOSPC, errno.EDQUOT)
# Whoever names a path can help it.
_WRONG_PLACE = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
)
_AWAY = "Max retries exceeded"  # of MLflow's client, and of requests below it
_LONG = 200  # characters of a path in a message
_ALMOST_NOTHING = 1 << 20  # bytes: with less, SQLite, torch and memory maps fail in words of their own
_BY_CODE = {
    errors.EXIT_FAILED: errors.StepFailed,
    errors.EXIT_USAGE: errors.UsageError,
    errors.EXIT_REFUSED: errors.DataRefused,
}


def explain(error: BaseException, doing: str, folder: Path) -> DfptError:
    """``error``, which ended ``doing``, in words that name the thing and the remedy.

    Args:
        folder: where the work writes; asked for free space, because many libraries hide a full disk.
    """
    if isinstance(error, DfptError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return StepFailed(f"{doing}: interrupted.", "The same command goes on from the last finished step and epoch.")
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return StepFailed(f"{doing}: out of memory.", "Lower data.image_size or the recipe's batch_size.")
    if (isinstance(error, OSError) and error.errno in _FULL) or disk_is_full(folder):
        return full(doing, folder)
    if type(error).__module__.startswith(("mlflow.", "requests.")) and _AWAY in str(error):
        return StepFailed(f"{doing}: MLflow does not answer.", "Start its server, or correct MLFLOW_TRACKING_URI.")
    if isinstance(error, OSError) and error.errno in _WRONG_PLACE and error.filename is not None:
        return UsageError(
            f"{doing}: {_shortened(error.filename2 or error.filename)}: {error.strerror}.",
            "Name another place, or change who may use it; the state folder is the one of --home.",
        )
    return StepFailed(f"{doing} failed: {type(error).__name__}: {error}", "--debug shows where.")


def disk_is_full(folder: Path) -> bool:
    """Whether a folder, there or yet to be made, is on a disk without room; what is no disk is not full."""
    try:
        while not folder.exists():
            folder = folder.parent
        usage = shutil.disk_usage(folder)
    except OSError:  # no such name can be, or nobody may look
        return False
    return usage.total > 0 and usage.free < _ALMOST_NOTHING


def _shortened(path: str | bytes) -> str:
    name = str(Path(os.fsdecode(path)))
    return name if len(name) <= _LONG else f"{name[: _LONG // 2]}...{name[-_LONG // 2 :]}"


def full(doing: str, folder: Path) -> StepFailed:
    return StepFailed(
        f"{doing}: the disk is full at {folder}.",
        "Free space there, or name another folder with --home; the same command then goes on where it stopped.",
    )


def leave(path: Path, step: str, error: DfptError) -> None:
    """Write ``error`` where the runner looks for it. On a disk too full even for that, the runner finds out itself."""
    cause = error.__cause__ or error
    with contextlib.suppress(OSError):
        files.write_json(
            path,
            {
                "step": step,
                "type": type(error).__name__,
                "message": error.message,
                "remedy": error.remedy,
                "exit_code": error.exit_code,
                "traceback": "".join(traceback.format_exception(cause)),
            },
        )


def found(path: Path) -> DfptError | None:
    """The error that a step left at ``path``, with its exit code; its traceback as a note. None if there is none."""
    try:
        left = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    error = _BY_CODE.get(left["exit_code"], StepFailed)(left["message"], left["remedy"])
    error.add_note(left["traceback"])
    return error
