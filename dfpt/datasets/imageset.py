"""Prepared and validated images, as the training steps read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfpt.datasets import manifest
from dfpt.datasets.task import Task
from dfpt.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame

FILE = "images.npy"

_IDENTITY = ["id", "sha256"]  # of an image, in a manifest


@dataclass(frozen=True)
class ImageSet:
    """Images and what is known of them.

    Attributes:
        images: uint8 (N, S, S, C), a read-only memory map of all prepared images, rejected ones included.
        manifest: the accepted images; column ``row`` is the index into ``images``.
        task: classes and views.
    """

    images: NDArray[np.uint8]
    manifest: DataFrame
    task: Task

    def rows(self, split: str) -> NDArray[np.int64]:
        """Indices into ``images`` of the accepted images of a split, ascending."""
        return self._column(split, "row")

    def labels(self, split: str) -> NDArray[np.int64]:
        """Class indices, in the order of :meth:`rows`."""
        return self._column(split, "label")

    def _column(self, split: str, name: str) -> NDArray[np.int64]:
        column = self.manifest.loc[self.manifest["split"] == split, name]
        return column.to_numpy(np.int64, copy=True)  # pandas' own is read-only, which torch does not take


def load(dataset: Path, validation: Path) -> ImageSet:
    """The images of ``dataset`` (output of prepare) that ``validation`` (output of validate) accepted.

    Raises:
        UsageError: a file is missing or belongs to other data.
    """
    task = Task.load(dataset)
    images = open_images(dataset, task)
    accepted = manifest.read(validation)
    known, rows = manifest.read(dataset)[_IDENTITY], accepted["row"]
    if (rows >= len(known)).any() or not np.array_equal(known.to_numpy()[rows], accepted[_IDENTITY].to_numpy()):
        raise UsageError(f"{validation} does not belong to {dataset}.", "Run the step validate again.")
    return ImageSet(images, accepted, task)


def open_images(dataset: Path, task: Task) -> NDArray[np.uint8]:
    """``images.npy`` as a read-only memory map.

    Raises:
        UsageError: it is missing, cut off, or not of the shape that ``task`` states.
    """
    try:
        images: NDArray[np.uint8] = np.load(dataset / FILE, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise UsageError(f"{dataset / FILE} is missing or damaged.", "Run the step prepare again.") from error
    if images.dtype != np.uint8 or images.shape[1:] != (task.image_size, task.image_size, task.channels):
        raise UsageError(f"{dataset / FILE} does not fit its task.json.", "Run the step prepare again.")
    return images
