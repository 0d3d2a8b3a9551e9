"""The readable images of a prepared data set, whatever their labels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfpt.datasets import imageset, manifest
from dfpt.datasets.task import Task


@dataclass(frozen=True)
class Sample:
    """Images; their labels are as the source has them, empty where it has none.

    Attributes:
        images: uint8 (M, S, S, C), a read-only memory map, unreadable ones included.
        rows: (N,) indices of the readable ones.
        splits, paths, labels: of the readable ones, (N,) each; a label is the name of a class.
        unreadable: how many.
        task: of the data set.
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    splits: tuple[str, ...]
    paths: tuple[str, ...]
    unreadable: int
    task: Task
    labels: tuple[str, ...] = ()

    def contents(self) -> NDArray[np.str_]:
        """(N,) of each readable image the hash of its pixels; a copy in another format, grey as RGB too, has it."""
        return np.array([_content(self.images[row]) for row in self.rows], np.str_)


def _content(pixels_HWC: NDArray[np.uint8]) -> str:
    grey = pixels_HWC[..., :1]
    return hashlib.sha256((grey if (pixels_HWC == grey).all() else pixels_HWC).tobytes()).hexdigest()


def load(dataset: Path) -> Sample:
    """The images of ``dataset``, an output of prepare.

    Raises:
        UsageError: a file is missing or damaged.
    """
    task = Task.load(dataset)
    table = manifest.read(dataset)
    readable = table[table["error"].isna()]
    return Sample(
        images=imageset.open_images(dataset, task),
        rows=np.flatnonzero(table["error"].isna()).astype(np.int64),
        splits=tuple(readable["split"]),
        paths=tuple(readable["path"]),
        unreadable=len(table) - len(readable),
        task=task,
        labels=tuple("" if name is None else str(name) for name in readable["label_name"]),
    )
