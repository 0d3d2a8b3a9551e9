"""Images that were read and not trained on: kept in the state folder with the reason, until a person releases them.

An entry is about one content under one name: a file that was replaced is a new case, and a release does not hold for
it. What can be released is an image in doubt; one that cannot be decoded, or has no class, can only be replaced.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfpt import files
from dfpt.errors import StepFailed, UsageError

if TYPE_CHECKING:
    from pandas import DataFrame

FOLDER = "quarantine"  # of the state folder; an entry is KEY.json, and KEY.image the file as it was


@dataclass(frozen=True)
class Release:
    """``at``: ISO 8601, UTC."""

    by: str
    at: str
    reason: str


@dataclass(frozen=True)
class Entry:
    """One image in quarantine.

    Attributes:
        key: names the entry; see :func:`key_of`.
        source: the SOURCE text.
        sha256: of the file.
        reason: why it is not trained on.
        releasable: whether a release helps.
        since: ISO 8601, UTC.
    """

    key: str
    source: str
    id: str
    path: str
    label_name: str
    sha256: str
    reason: str
    releasable: bool
    since: str
    release: Release | None = None

    @property
    def state(self) -> str:
        return "released" if self.release else "quarantined"


def key_of(source: str, name: str, sha256: str) -> str:
    """Twelve hexadecimal digits, the same for the same content under the same id."""
    return hashlib.sha256(f"{source}\0{name}\0{sha256}".encode()).hexdigest()[:12]


def keep(home: Path, source: str, rejected: DataFrame, read: Callable[[int], bytes]) -> None:
    """Enter the rows of ``rejected`` (of :func:`dfpt.datasets.quality.rejections`) that were read.

    ``read`` gets the file of a row by its position in the source. An entry that is there already stays as it is.

    Raises:
        StepFailed: the state folder is full or not writable.
    """
    for row in rejected[~rejected["refused"]].to_dict("records"):
        entry = Entry(
            key=key_of(source, row["id"], row["sha256"]),
            source=source,
            id=row["id"],
            path=row["path"],
            label_name=row["label_name"],
            sha256=row["sha256"],
            reason=row["reason"],
            releasable=bool(row["releasable"]),
            since=_now(),
        )
        path = home / FOLDER / f"{entry.key}.json"
        if path.exists():
            continue
        try:
            with files.replacing(path.with_suffix(".image")) as partial:
                partial.write_bytes(read(int(row["position"])))
            files.write_json(path, dataclasses.asdict(entry))  # last: where it is, the image is
        except OSError as error:
            raise StepFailed(
                f"Cannot put {row['path']} into quarantine in {path.parent}: {error.strerror or error}.",
                "Free some space, or choose another state folder with --home.",
            ) from error


def entries(home: Path, source: str | None = None) -> list[Entry]:
    """What is or was in quarantine, of one source or of all, the oldest first.

    Raises:
        UsageError: an entry is damaged.
    """
    found = [_read(path) for path in (home / FOLDER).glob("*.json")]
    return sorted(
        (entry for entry in found if source in (None, entry.source)), key=lambda entry: (entry.since, entry.path)
    )


def find(home: Path, key: str) -> Entry:
    """The entry of a key, if it can be released now.

    Raises:
        UsageError: there is none, it is released already, or no release helps it.
    """
    entry = next((entry for entry in entries(home) if entry.key == key), None)
    if entry is None:
        raise UsageError(f"Nothing in quarantine has the key {key!r}.", "See: dfpt data quarantine list")
    if entry.release:
        raise UsageError(
            f"{entry.path} was released by {entry.release.by} at {entry.release.at}.", "The next run trains on it."
        )
    if not entry.releasable:
        raise UsageError(
            f"{entry.path} cannot be trained on: {entry.reason}.", "Replace it in the source; a new file is a new case."
        )
    return entry


def release(home: Path, key: str, by: str, reason: str) -> Entry:
    """Let the next run take the image; who and why stay recorded with it.

    Raises:
        UsageError: as :func:`find`, or no reason.
    """
    if not reason.strip():
        raise UsageError("A release needs a reason.", "Write --reason 'why it may be trained on'.")
    entry = dataclasses.replace(find(home, key), release=Release(by, _now(), reason.strip()))
    files.write_json(home / FOLDER / f"{key}.json", dataclasses.asdict(entry))
    return entry


def released(home: Path, source: str) -> frozenset[str]:
    """Keys of the images of a source that a person let through."""
    return frozenset(entry.key for entry in entries(home, source) if entry.release)


def _read(path: Path) -> Entry:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        given = values.pop("release")
        return Entry(**values, release=Release(**given) if given else None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no entry of the quarantine.", "Restore it, or remove it.") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
