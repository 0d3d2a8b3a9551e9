"""What ``dfpt data fetch`` has written, as a source: the images as files, labels and columns from the manifest.

The splits of the manifest are not taken over: they belong to the configuration that it was fetched with.
"""

from __future__ import annotations

import os
from pathlib import Path

from dfpt.datasets import manifest
from dfpt.datasets.sources import Item, Source
from dfpt.datasets.task import FILE, Task
from dfpt.errors import UsageError

OUTSIDE = "a path that leads out of the folder"


def is_one(root: Path) -> bool:
    """Whether ``root`` holds the task and the manifest of a fetch."""
    return (root / FILE).is_file() and (root / manifest.FILE).is_file()


def source(root: Path, name: str) -> Source:
    """The source below ``root`` under its new name.

    Raises:
        UsageError: task or manifest is damaged.
    """
    task, table = Task.load(root), manifest.read(root)
    if lacking := sorted(set(manifest.COLUMNS) - set(table)):
        raise UsageError(f"{root / manifest.FILE} has no column {lacking[0]!r}.", "Fetch the data again.")
    own = [column for column in table if column not in (*manifest.COLUMNS, manifest.GROUP)]
    inside = os.path.realpath(root)
    items = []
    for row in table.to_dict("records"):
        file = root / row["path"]
        leaves = not os.path.realpath(file).startswith(os.path.join(inside, ""))  # noqa: PTH118
        items.append(
            Item(
                row["id"],
                row["path"],
                row["label_name"],
                b"" if leaves else file,
                columns={str(column): row[column] for column in own},
                refused=OUTSIDE if leaves else None,
            )
        )
    return Source(name, task.classes, tuple(items), task.channels, task.positive, task.slices, task.licence)
