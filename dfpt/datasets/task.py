"""What is to be learnt from a data set: its classes, and the views that the gate may ask for."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from dfpt import files
from dfpt.errors import UsageError

FILE = "task.json"


@dataclass(frozen=True)
class Task:
    """The content of ``task.json``.

    Attributes:
        source: the SOURCE text that was prepared.
        classes: names; a label is an index into them.
        positive: class indices that count as defective, or None where the task has no binary view.
        slices: manifest columns by which accuracy is also reported.
        channels: 1 (grey) or 3 (RGB) of ``images.npy``.
        image_size: side of ``images.npy``, pixels.
        licence: of the images, SPDX, or None where unknown.
        data_hash: see :func:`dfpt.datasets.manifest.data_hash`.
    """

    source: str
    classes: tuple[str, ...]
    positive: tuple[int, ...] | None
    slices: tuple[str, ...]
    channels: int
    image_size: int
    licence: str | None
    data_hash: str

    @classmethod
    def load(cls, folder: Path) -> Task:
        """Read ``task.json`` of a prepared data set.

        Raises:
            UsageError: there is none, or it is not one of ours.
        """
        path = folder / FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            positive = values["positive"]
            return cls(
                source=values["source"],
                classes=tuple(values["classes"]),
                positive=None if positive is None else tuple(int(index) for index in positive),
                slices=tuple(values["slices"]),
                channels=int(values["channels"]),
                image_size=int(values["image_size"]),
                licence=values["licence"],
                data_hash=values["data_hash"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} is missing or not a task description.", "Run the step prepare again.") from error

    def save(self, folder: Path) -> None:
        """Write ``task.json`` into ``folder``."""
        files.write_json(folder / FILE, dataclasses.asdict(self))
