"""Several processes at one benchmark: each takes what no other is at, and waits in the end for what others are at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

Work = Callable[[], object]
Told = Callable[[int, int, str], None]  # done, of how many, which is next
_FOREVER = -1


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


def in_groups(groups: Mapping[str, Mapping[str, Work]], locks: Path, told: Told) -> None:
    """As :func:`each`, for work of which a group has something dear in common, as cells have a teacher.

    Each process takes a group that no other is at, so that none waits for another's teacher, and helps with the others'
    groups in the end.
    """
    locks.mkdir(parents=True, exist_ok=True)
    total, done = sum(map(len, groups.values())), 0
    others: list[str] = []

    def share(group: str) -> None:
        nonlocal done
        each(groups[group], locks, lambda here, _, name: told(done + here, total, f"{name} of {group}"))
        done += len(groups[group])

    for group in groups:
        lock = FileLock(locks / f"{group}.group")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            others.append(group)
            continue
        try:
            share(group)
        finally:
            lock.release()
    for group in others:
        share(group)
