"""A progress bar on standard error, as what a step reports to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from dfpt.context import Reporter


class _Bar:
    """One line for each kind of work, added as it begins."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def progress(self, done: int, total: int, text: str) -> None:
        if text not in self._tasks:
            self._tasks[text] = self._progress.add_task(text, total=total)
        self._progress.update(self._tasks[text], completed=done, total=total)

    def warn(self, text: str) -> None:
        self._progress.console.print(f"warning: {text}", markup=False)

    def metrics(self, values: Mapping[str, float], step: int) -> None: ...


@contextmanager
def bar() -> Iterator[Reporter]:
    """A reporter that draws bars until the block ends."""
    from rich.console import Console
    from rich.progress import Progress, TimeElapsedColumn

    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        yield _Bar(progress)
