"""What a person says of each image in a CSV file beside the data: its split, or its group."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dfpt.config import Data
from dfpt.datasets.sources import Item
from dfpt.datasets.splits import SPLITS
from dfpt.errors import UsageError

SHOWN = 3  # ids in a message


def splits(items: Sequence[Item], data: Data) -> list[str | None]:
    """The split of every image that is decided before ours: by ``data.ids``, else by the source.

    Raises:
        UsageError: the file is unreadable, does not list every image once, or names a split that is none.
    """
    if data.ids is None:
        return [item.split for item in items]
    path = Path(data.ids).expanduser()
    listed = _read(path, "split", items)
    if unknown := sorted(set(listed) - set(SPLITS)):
        raise UsageError(f"{path}: {unknown[0]!r} is no split.", f"The splits are {', '.join(SPLITS)}.")
    return list(listed)


def groups(items: Sequence[Item], data: Data) -> list[str] | None:
    """The group of every image, or None where the configuration names none.

    Raises:
        UsageError: the file is unreadable or does not list every image once, no image has the column, one lacks it.
    """
    if data.group is None:
        return None
    if data.group.file is not None:
        return _read(Path(data.group.file).expanduser(), "group", items)
    column = str(data.group.column)
    found = [item.columns.get(column) for item in items]
    missing = [item.id for item, value in zip(items, found, strict=True) if value is None or value == ""]
    if missing:
        known = sorted({name for item in items for name in item.columns})
        raise UsageError(
            f"{_some(missing)} of {data.source!r} without a value in {column!r}, the column of data.group.",
            f"Its columns are {', '.join(known) or 'none'}; a CSV with id and group can be named with data.group.file.",
        )
    return [str(value) for value in found]


def _read(path: Path, column: Literal["split", "group"], items: Sequence[Item]) -> list[str]:
    """``column`` of every image, in the order of ``items``."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            lacking = {"id", column} - set(reader.fieldnames or ())
            rows = [] if lacking else [(row["id"], (row[column] or "").strip()) for row in reader]
    except OSError as error:
        raise UsageError(
            f"Cannot read {path}: {error.strerror}.", f"data names it for the {column} of the images."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is no CSV file in UTF-8: {error}.", "Save it again.") from error
    if lacking:
        raise UsageError(f"{path} has no column {sorted(lacking)[0]!r}.", f"Its first line must be: id,{column}")
    listed: dict[str, str] = {}
    for name, value in rows:
        if name in listed:
            raise UsageError(f"{path} lists the image {name!r} twice.", "Leave one line of it.")
        listed[name] = value
    ids = [item.id for item in items]
    if strange := listed.keys() - set(ids):
        raise UsageError(f"{path} lists {_some(sorted(strange))} that the source does not have.", "Remove these lines.")
    if missing := [name for name in ids if not listed.get(name)]:
        raise UsageError(f"{path} says no {column} of {_some(missing)}.", "Add a line for each image.")
    return [listed[name] for name in ids]


def _some(names: Sequence[str]) -> str:
    """``2 images (a, b)``, for a message."""
    shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    return f"{len(names)} image{'s' if len(names) > 1 else ''} ({shown})"
