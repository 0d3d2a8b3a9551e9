"""What a dry run must leave as it was: every file, bit for bit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def unchanged(*folders: Path, besides: tuple[str, ...] = (".dvc/tmp",)) -> Iterator[None]:
    """Fail if a file below one of ``folders`` was made, changed or removed inside, but for those of a path with one of
    ``besides`` in it: a tool's own notes of what it has looked at."""
    before = _sums(folders, besides)
    yield
    after = _sums(folders, besides)
    assert after == before, sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def _sums(folders: tuple[Path, ...], besides: tuple[str, ...]) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not any(one in path.as_posix() for one in besides)
    }
