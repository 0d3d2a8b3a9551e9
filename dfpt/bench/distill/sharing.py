"""Several processes at one benchmark: each takes what no other is at, and waits in the end for what others are at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

Work = Callable[[], object]
Told = Callable[[int, int, str], None]  # done, of how many, which is next
_FOREVER = -1


def in_groups(groups: Mapping[str, Mapping[str, Work]], locks: Path, told: Told) -> None:
    """The same for work of which a group has something dear in common, as cells have a teacher.

    Each process takes a group that no other is at, so that none waits for another's teacher, and helps with the others'
    groups in the end.
    """
    locks.mkdir(parents=True, exist_ok=True)
    for name, work in groups.items():
        group = FileLock(locks / f"{name}.group")
        try:
            group.acquire(timeout=0)
        except Timeout:
            continue
        try:
            each(work, locks, told)
        finally:
            group.release()
    each({name: do for work in groups.values() for name, do in work.items()}, locks, told)


def each(work: Mapping[str, Work], locks: Path, told: Told) -> None:
    """Do all of ``work``, beside whoever does the same with the same ``locks``.

    A lock ends with its process, so that what was interrupted is taken up by another one.

    Args:
        work: name -> what is done once; where its result is stored it must do nothing.
        locks: folder that the processes have in common.
    """
    locks.mkdir(parents=True, exist_ok=True)
    others: list[str] = []
    done = 0
    for wait, names in ((0, list(work)), (_FOREVER, others)):
        for name in names:
            if wait == _FOREVER:
                told(done, len(work), f"{name}, which another process is at")
            try:
                with FileLock(locks / f"{name}.lock", timeout=wait):
                    told(done, len(work), name)
                    work[name]()
                    done += 1
            except Timeout:
                others.append(name)
    told(done, len(work), "all")
