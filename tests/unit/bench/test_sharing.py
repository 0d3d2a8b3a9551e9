"""Two processes at one benchmark: nothing is done twice, nothing is left, and what a killed one held is taken up."""

from __future__ import annotations

import multiprocessing
import multiprocessing.synchronize
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock

from dfpt.bench.distill import sharing

NAMES = [f"cell-{number}" for number in range(6)]
_WORK = 0.1  # seconds; long enough that both processes get some


def _compute(folder: Path, name: str, by: str) -> None:
    """As a cell is computed: nothing where it is stored."""
    if not (folder / name).exists():
        time.sleep(_WORK)
        (folder / name).write_text(by, encoding="utf-8")
        with (folder / "log").open("a", encoding="utf-8") as log:
            log.write(f"{name}\n")


def _share(folder: Path, by: str) -> None:
    work = {name: partial(_compute, folder, name, by) for name in NAMES}
    sharing.each(work, folder / "locks", lambda done, total, next_: None)


def _hold(folder: Path, started: multiprocessing.synchronize.Event) -> None:
    def stuck() -> None:
        started.set()
        time.sleep(60)

    sharing.each({NAMES[0]: stuck}, folder / "locks", lambda done, total, next_: None)


def _share_groups(folder: Path, by: str, told: sharing.Told = lambda done, total, next_: None) -> None:
    groups = {
        group: {name: partial(_compute, folder, name, by) for name in (f"{group}-1", f"{group}-2")} for group in "ab"
    }
    sharing.in_groups(groups, folder / "locks", told)


@pytest.mark.parametrize(("share", "names"), [(_share, NAMES), (_share_groups, ["a-1", "a-2", "b-1", "b-2"])])
def test_two_processes_do_everything_once(tmp_path: Path, share: Callable[[Path, str], None], names: list[str]) -> None:
    spawn = multiprocessing.get_context("spawn")
    both = [spawn.Process(target=share, args=(tmp_path, by)) for by in ("one", "other")]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    assert sorted((tmp_path / "log").read_text(encoding="utf-8").split()) == names


def test_a_group_that_another_process_is_at_comes_last(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    (tmp_path / "locks").mkdir()
    with FileLock(tmp_path / "locks" / "a.group"):
        _share_groups(tmp_path, "one", lambda *what: told.append(what))
    assert (tmp_path / "log").read_text(encoding="utf-8").split() == ["b-1", "b-2", "a-1", "a-2"]
    assert told == [
        (0, 4, "b-1 of b"),
        (1, 4, "b-2 of b"),
        (2, 4, "all of b"),
        (2, 4, "a-1 of a"),
        (3, 4, "a-2 of a"),
        (4, 4, "all of a"),
    ]


def test_what_a_killed_process_held_is_waited_for_and_done_last(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    started = spawn.Event()
    holder = spawn.Process(target=_hold, args=(tmp_path, started))
    holder.start()
    assert started.wait(60)
    told: list[str] = []

    def tell(done: int, total: int, next_: str) -> None:
        told.append(next_)
        if next_ == NAMES[-1]:
            holder.kill()

    work = {name: partial(_compute, tmp_path, name, "other") for name in NAMES}
    sharing.each(work, tmp_path / "locks", tell)
    assert told == [*NAMES[1:], f"{NAMES[0]}, which another process is at", NAMES[0], "all"]
    assert sorted((tmp_path / "log").read_text(encoding="utf-8").split()) == NAMES
