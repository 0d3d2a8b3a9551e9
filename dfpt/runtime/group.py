"""One step in several processes, as torchrun starts them: the first writes, tracks and reports; the others help."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dfpt.errors import UsageError

_TOGETHER = ("train-teacher", "train-baseline", "tune-prompt", "distil")  # steps whose work can be shared


@dataclass(frozen=True)
class Member:
    """This process.

    Attributes:
        outputs: where it writes; those of a helper are thrown away.
    """

    helps: bool
    outputs: Mapping[str, Path]


@contextlib.contextmanager
def joined(step: str, outputs: Mapping[str, Path]) -> Iterator[Member]:
    """This process as one of those that work on ``step``; a process that was started alone is its own group.

    Raises:
        UsageError: the step's work cannot be shared.
    """
    if int(os.environ.get("WORLD_SIZE") or 1) == 1:
        yield Member(False, outputs)
        return
    if step not in _TOGETHER:
        raise UsageError(f"{step} is no work for several processes.", "Start it without torchrun.")

    from dfpt.training import distributed

    with distributed.joined(), tempfile.TemporaryDirectory() as thrown_away:
        if distributed.rank() == 0:
            yield Member(False, outputs)
        else:
            yield Member(True, {name: Path(thrown_away) / name for name in outputs})
