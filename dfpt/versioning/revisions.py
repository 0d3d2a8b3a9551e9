"""Git revisions and the data that they name: the tracked folders, and what prepare made of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dfpt.dvc_file import git
from dfpt.versioning import repository

_DATASET = "artifacts/prepare/dataset"
_SHORT = 12


@dataclass(frozen=True)
class Revision:
    """One commit that changed data.

    Attributes:
        commit: short hash.
        at: ISO 8601.
        subject: first line of its message.
        raw: tracked path -> DVC's hash.
        prepared: DVC's hash of what prepare made; None where the commit has no dvc.lock.
        data_hash: of the prepared data; None where they are not in the cache here.
    """

    commit: str
    at: str
    subject: str
    raw: dict[str, str]
    prepared: str | None
    data_hash: str | None


def revisions() -> list[Revision]:
    """The commits that changed a tracked folder or dvc.lock, the newest first.

    Raises:
        UsageError: no git or DVC repository here.
    """
    with repository.opened() as repo:
        root, cache = Path(repo.root_dir), Path(repo.cache.local.path)
    log = _git(root, "log", "--format=%H%x09%cI%x09%s", "--", "dvc.lock", ":(glob)**/*.dvc")
    return [_revision(root, cache, *line.split("\t", 2)) for line in log.splitlines()]


def _revision(root: Path, cache: Path, commit: str, at: str, subject: str) -> Revision:
    names = _git(root, "ls-tree", "-r", "--name-only", commit).splitlines()
    raw = {}
    for name in names:
        if name.endswith(".dvc") and not name.startswith(".dvc/"):
            for out in _yaml(root, commit, name).get("outs", ()):
                raw[Path(name).with_name(out["path"]).as_posix()] = str(out.get("md5", ""))
    prepared = None
    if "dvc.lock" in names:
        outs = _yaml(root, commit, "dvc.lock").get("stages", {}).get("prepare", {}).get("outs", ())
        prepared = next((out["md5"] for out in outs if out["path"] == _DATASET), None)
    return Revision(commit[:_SHORT], at, subject, raw, prepared, _data_hash(cache, prepared))


def _data_hash(cache: Path, prepared: str | None) -> str | None:
    """From task.json of a prepared data set in DVC's cache."""
    if prepared is None:
        return None
    try:
        listed = json.loads(_object(cache, prepared).read_text(encoding="utf-8"))
        task = next(file["md5"] for file in listed if file["relpath"] == "task.json")
        return str(json.loads(_object(cache, task).read_text(encoding="utf-8"))["data_hash"])
    except (OSError, ValueError, KeyError, StopIteration):  # not pulled, or thrown away by dvc gc
        return None


def _object(cache: Path, md5: str) -> Path:
    return cache / md5[:2] / md5[2:]


def _yaml(root: Path, commit: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(_git(root, "show", f"{commit}:{name}")) or {}
    return found


def _git(root: Path, *arguments: str) -> str:
    return git(root, *arguments, remedy="Versions are commits: git init, then commit dvc.lock and *.dvc.")
