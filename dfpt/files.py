"""The one place that writes files and folders so that a reader never sees half of one, and that hashes them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a name beside ``path``; what is written there (file or folder) takes its place when the block ends well.

    Raises:
        IsADirectoryError: a file would take the place of a folder, with all that is in it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    remove(partial)
    try:
        yield partial
        if path.is_dir() and partial.is_dir():  # a folder can only be renamed onto an empty one
            remove(path)
        elif path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        partial.replace(path)
    finally:
        remove(partial)


def remove(path: Path) -> None:
    """Remove a file or a folder, or nothing if there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all. NaN and infinity, unknown to JSON, become null."""
    write_text(path, json_text(value) + "\n")


def json_text(value: Any, ascii_only: bool = False) -> str:
    """``value`` as JSON for programs and for people; without NaN and infinity, as above."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=ascii_only)


def write_text(path: Path, text: str) -> None:
    """Write ``text``, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def text_sha256(text: str) -> str:
    """SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, or of a folder's file names and bytes (order and timestamps do not count)."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{file.relative_to(path).as_posix()}\0{sha256(file)}\0".encode())
    else:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
