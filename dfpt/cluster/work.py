"""One step's work as a file, for the processes that torchrun starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dfpt import files

ERROR = "error.json"
FILE = "work.json"


@dataclass(frozen=True)
class Work:
    """A call of a step: its configuration as JSON has it, and paths."""

    step: str
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    metrics: str

    def save(self, folder: Path) -> Path:
        """Write the file that a process is started with; beside it the first one that fails leaves its error."""
        path = folder / FILE
        files.write_json(path, asdict(self))
        return path

    @classmethod
    def load(cls, path: Path) -> Work:
        return cls(**json.loads(path.read_text(encoding="utf-8")))
