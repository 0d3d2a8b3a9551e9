"""Processes that decode images into one memory map, and the program that runs in them.

Plain subprocesses and not multiprocessing's: those import the caller's main module again (Kubeflow's executor takes a
second for it, a script without a guard starts itself anew), or fork a process that has threads.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from dfpt.datasets import picture
from dfpt.datasets.picture import Decoded
from dfpt.datasets.sources import Item
from dfpt.errors import StepFailed

Work = Callable[[tuple[Item, ...], list[range]], Iterable[list[Decoded]]]


class Workers:
    """``count`` processes for the array in ``target``; leaving the context ends them, whatever they are at."""

    def __init__(self, target: Path, count: int) -> None:
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        command = [sys.executable, "-m", __name__, str(target.absolute())]
        surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=surroundings)
            for _ in range(count)
        ]
        for process in self._processes:
            self._idle.put(process)

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()  # a memory map needs no farewell: the pages are the system's
        for process in self._processes:
            process.communicate()

    def decode(self, items: tuple[Item, ...], rows: range) -> list[Decoded]:
        """Decode the items of ``rows`` in the next idle process; from several threads, each waits for its own.

        Raises:
            StepFailed: the process was killed.
        """
        process = self._idle.get()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            _send(process.stdin, (rows.start, [picture.sendable(items[row]) for row in rows]))
            found: list[Decoded] = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError, ValueError) as error:
            raise StepFailed(
                f"A process that decodes images was killed, at work on {items[rows.start].path} to "
                f"{items[rows.stop - 1].path}.",
                "Out of memory, most likely: look for a giant image there, or free some memory.",
            ) from error
        finally:
            self._idle.put(process)
        return found


def _send(stream: IO[bytes], value: object) -> None:
    pickle.dump(value, stream, pickle.HIGHEST_PROTOCOL)
    stream.flush()


def _serve(target: Path, stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Decode what comes in until nothing comes any more: the parent has closed the pipe, or is gone."""
    array = np.load(target, mmap_mode="r+")
    with contextlib.suppress(EOFError):
        while True:
            start, items = pickle.load(stdin)
            _send(stdout, [picture.into(array[start + offset], item) for offset, item in enumerate(items)])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent ends its workers
    warnings.simplefilter("ignore")  # PIL's; picture has limits of its own
    _serve(Path(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
