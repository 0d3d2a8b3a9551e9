"""One of the processes that torchrun starts: python -m dfpt.runtime.worker WORK.JSON"""

from __future__ import annotations

import sys
from pathlib import Path

from dfpt import config as configuration
from dfpt.cluster.work import ERROR, Work
from dfpt.errors import DfptError
from dfpt.runtime import accelerator, trouble
from dfpt.runtime.execution import execute


def main(path: str) -> int:
    """Do the work. The first process that fails leaves its reason: the others only say that they lost it."""
    work = Work.load(Path(path))
    try:
        accelerator.check(work.step)
        execute(
            work.step,
            configuration.parse_step(work.step, work.config),
            {name: Path(place) for name, place in work.inputs.items()},
            {name: Path(place) for name, place in work.outputs.items()},
            Path(work.metrics),
        )
    except DfptError as error:
        note = Path(path).with_name(ERROR)
        if not note.exists():
            trouble.leave(note, work.step, error)
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
