"""Chosen files of a tar archive, or of the folder that it was unpacked to, read into memory: nothing is unpacked."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Set
from pathlib import Path

from dfpt.errors import UsageError

MAX_BYTES = 1 << 29  # of one file: the largest in CIFAR's archives has 155 MB


def read(path: Path, wanted: Set[str]) -> dict[str, bytes]:
    """The files called ``wanted`` wherever they lie in ``path``, by name; those that are not there are left out.

    Links and special files are passed over, whatever they are called.

    Raises:
        UsageError: no such file, no tar archive, a damaged one, or a file of more than MAX_BYTES.
    """
    try:
        return _folder(path, wanted) if path.is_dir() else _tar(path, wanted)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise UsageError(f"{path} is no tar archive or a damaged one: {error}.", "Download it again.") from error
    except OSError as error:
        raise UsageError(
            f"Cannot read {path}: {error.strerror or error}.", "Check the path after the colon."
        ) from error


def _folder(path: Path, wanted: Set[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for file in sorted(path.rglob("*")):
        if file.name in wanted and file.is_file() and not file.is_symlink():
            _within_limit(file.name, file.stat().st_size)
            found.setdefault(file.name, file.read_bytes())
    return found


def _tar(path: Path, wanted: Set[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(path, "r|*") as members:  # a stream: a packed bomb is never held, only read past
        for member in members:
            name = member.name.rpartition("/")[2]
            if name in wanted and name not in found and member.isreg():
                _within_limit(name, member.size)
                stream = members.extractfile(member)
                assert stream is not None  # it is a regular file
                found[name] = stream.read()
            if len(found) == len(wanted):
                break
    return found


def _within_limit(name: str, size: int) -> None:
    if size > MAX_BYTES:
        raise UsageError(f"{name} has {size:,} bytes, more than {MAX_BYTES:,}.", "It is not what it should be.")
