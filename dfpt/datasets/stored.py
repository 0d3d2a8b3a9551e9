"""Images of a revision, from DVC's remote: into the state folder, each file's hash checked, what is there kept.

What DVC itself does in a clone is done here in a folder that holds nothing but the file with the hash: the way it
reads a remote, verifies, and takes up a transfer that broke off stay DVC's own.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from dfpt import dvc_file, dvc_trouble, files
from dfpt.config import Data
from dfpt.dvc_file import Pointer
from dfpt.errors import StepFailed, UsageError

PLACE = Path("cache", "dvc")  # below the state folder
_REMOTE = "store"


def bring(data: Data, home: Path) -> Path:
    """The folder or file that ``data`` names, as its revision has it, below the state folder ``home``.

    Raises:
        UsageError: the revision was not looked up, DVC is not installed, or the remote wants credentials.
        StepFailed: the remote is away, lacks files, or holds others than the hash says.
    """
    pointer, name = data.stored, Path(data.path).name
    if pointer is None:
        raise UsageError(
            f"data.revision {data.revision} was not looked up where the run was started, and a step has no repository.",
            "dfpt data pin writes what it comes to into params.yaml.",
        )
    try:
        from dvc.repo import Repo
    except ImportError as error:
        raise UsageError(
            "data.revision needs DVC, which is not installed.", "pip install 'dfpt[versioning]'"
        ) from error
    root = home / PLACE / pointer.md5
    (root / ".dvc").mkdir(parents=True, exist_ok=True)
    out = {"md5": pointer.md5, "hash": "md5", "path": name}
    files.write_text(root / "data.dvc", yaml.safe_dump({"outs": [out]}))
    at = f" at {pointer.options['endpointurl']}" if "endpointurl" in pointer.options else ""
    doing = f"Cannot fetch the data of revision {pointer.revision} from {pointer.url}{at}"
    lacking = f"In a clone that has it: git checkout {pointer.commit[:12]} && dfpt data push."
    with (
        FileLock(home / PLACE / "lock"),
        dvc_trouble.impatient(),
        dvc_trouble.explained(doing, lacking),
        Repo(str(root), config=_configuration(pointer, home)) as repo,
    ):
        failed: list[Exception] = []
        repo.fetch(onerror=lambda revision, entry, error: failed.append(error))
        if failed:
            raise failed[0]
        _verify(pointer, Path(repo.cache.local.path))
        repo.checkout(force=True)
    return root / name


def _configuration(pointer: Pointer, home: Path) -> dict[str, Any]:
    remote = dvc_file.credentials(pointer.url) | pointer.options | {"url": pointer.url}
    place = home / PLACE
    return {
        "core": {"no_scm": True, "remote": _REMOTE, "analytics": False, "site_cache_dir": str(place / "site")},
        "cache": {"dir": str(place / "files"), "type": ["reflink", "hardlink", "copy"]},
        "remote": {_REMOTE: remote},
    }


def _verify(pointer: Pointer, cache: Path) -> None:
    """Hold what came against the hash; what is damaged leaves the cache, so that the next attempt asks for it again.

    DVC's own ``verify`` lets an altered list of files pass, and calls an altered file missing.
    """
    _hold(pointer, pointer.md5, cache)
    if pointer.md5.endswith(".dir"):
        for entry in json.loads(_kept(cache, pointer.md5).read_text(encoding="utf-8")):
            _hold(pointer, str(entry["md5"]), cache)


def _hold(pointer: Pointer, md5: str, cache: Path) -> None:
    path = _kept(cache, md5)
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5.removesuffix(".dir"):
        files.remove(path)
        raise StepFailed(
            f"{pointer.url} holds other data than revision {pointer.revision} names: what lies under {md5} there has "
            f"the hash {found}.",
            f"Remove files/md5/{md5[:2]}/{md5[2:]} there, then in a clone that has it: dfpt data push.",
        )


def _kept(cache: Path, md5: str) -> Path:
    return cache / md5[:2] / md5[2:]
