"""How much memory a process and those below it have at once, by Linux's proportional set size."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.2  # seconds between two looks
_KIB = 1024


@dataclass
class Peak:
    """Bytes, pages that processes share counted once.

    Attributes:
        whole: the most that was resident at once.
        anonymous: the most of it that no file stands behind; pages of mapped files the kernel takes back when it
            needs them.
    """

    whole: int = 0
    anonymous: int = 0


@contextlib.contextmanager
def watched() -> Iterator[Peak]:
    """Inside, the peak of this process and its descendants is kept. A peak shorter than the looks may be missed."""
    peak, over = Peak(), threading.Event()

    def look() -> None:
        while not over.wait(_EVERY):
            found = [_sizes(process) for process in _family(os.getpid())]
            peak.whole = max(peak.whole, sum(whole for whole, _ in found))
            peak.anonymous = max(peak.anonymous, sum(anonymous for _, anonymous in found))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _family(root: int) -> list[int]:
    found = [root]
    for process in found:  # grows while it is walked
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{process}/task").iterdir():
                found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def _sizes(process: int) -> tuple[int, int]:
    """(whole, anonymous) of one process; (0, 0) once it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return 0, 0
    sizes = {name: int(rest.split()[0]) * _KIB for name, _, rest in (line.partition(":") for line in lines)}
    return sizes["Pss"], sizes["Pss_Anon"]
