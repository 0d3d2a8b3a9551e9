"""A cell's answers, an image a line of JSON, compressed: small enough to commit, plain enough to check by hand."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfpt import files
from dfpt.errors import UsageError

_DIGITS = 4  # of a probability


@dataclass(frozen=True)
class Answers:
    """What a student said of N images.

    Attributes:
        ids: (N).
        labels: (N,).
        probabilities: (N, K).
        corrupted: corruption -> (N,) the class that it named of the corrupted image.
    """

    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    corrupted: dict[str, NDArray[np.int64]]

    @property
    def hits(self) -> NDArray[np.float64]:
        """(N,) 1 where the image's class was named."""
        hits: NDArray[np.float64] = (self.probabilities.argmax(1) == self.labels).astype(np.float64)
        return hits


def write(path: Path, answers: Answers) -> None:
    """Equal answers give equal bytes."""
    lines = []
    for row, name in enumerate(answers.ids):
        line = {
            "id": name,
            "label": int(answers.labels[row]),
            "probabilities": [round(float(p), _DIGITS) for p in answers.probabilities[row]],
            "corrupted": {kind: int(called[row]) for kind, called in answers.corrupted.items()},
        }
        lines.append(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    with files.replacing(path) as partial:
        partial.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))


def read(path: Path) -> Answers:
    """Raises UsageError where the file is missing, cut off or of another form."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            lines = [json.loads(line) for line in stream]
        return Answers(
            tuple(line["id"] for line in lines),
            np.array([line["label"] for line in lines], np.int64),
            np.array([line["probabilities"] for line in lines], np.float64),
            {
                kind: np.array([line["corrupted"][kind] for line in lines], np.int64)
                for kind in (lines[0]["corrupted"] if lines else {})
            },
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"Cannot read {path}: {error}", "Remove it and run the benchmark again.") from error
