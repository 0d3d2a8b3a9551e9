"""The state of a training after a whole epoch: enough to go on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from dfpt.errors import StepFailed
from dfpt.files import replacing

_NAME = "last.pt"


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write the state, whole or not at all."""
    with replacing(folder / _NAME) as partial:
        torch.save(state, partial)


def load(folder: Path) -> dict[str, Any] | None:
    """The last state, or None where nothing was begun. Tensors and plain values only: no code is ever unpickled.

    Raises:
        StepFailed: the file cannot be read.
    """
    path = folder / _NAME
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what it likes on a damaged file
        raise StepFailed(
            f"The checkpoint {path} cannot be read: {error}", f"Remove {folder} to start again."
        ) from error
    return state
