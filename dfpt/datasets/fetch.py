"""A source's images as files: for looking at them, for keeping them under version control."""

from __future__ import annotations

from pathlib import Path

from dfpt import files
from dfpt.datasets import manifest
from dfpt.datasets.sources import Source
from dfpt.datasets.task import FILE, Task
from dfpt.errors import StepFailed, UsageError


def check(source: Source, out: Path) -> None:
    """Refuse an ``out`` in which files of somebody else's could be overwritten.

    Raises:
        UsageError: it is no folder, or holds anything but an earlier fetch of the same source.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is not a folder.", "Name another one with --out.")
    if out.is_dir() and any(out.iterdir()) and not ((out / FILE).is_file() and Task.load(out).source == source.name):
        raise UsageError(f"{out} is not empty and holds no earlier fetch of {source.name!r}.", "Name another --out.")


def write(source: Source, dataset: Path, out: Path) -> None:
    """Write every readable image unchanged below ``out``, then manifest and task of ``dataset`` (output of prepare).

    Nothing is deleted there, and the manifest comes last: where it is, the images are.

    Raises:
        UsageError: as :func:`check`.
        StepFailed: the disk is full or not writable.
    """
    check(source, out)
    try:
        for item in source.items:
            try:
                content = item.read()
            except OSError:
                continue  # the manifest says why it is missing
            with files.replacing(out / item.path) as partial:
                partial.write_bytes(content)
        manifest.write(manifest.read(dataset), out)
        Task.load(dataset).save(out)
    except OSError as error:
        raise StepFailed(
            f"Cannot write to {out}: {error.strerror or error}.", "Free some space or name another --out."
        ) from error
