"""The few things that we ask of DVC, with one message for each way in which it may go wrong."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfpt import dvc_file, dvc_trouble
from dfpt.config import resolve
from dfpt.config.data import FILES
from dfpt.dvc_file import Pointer
from dfpt.errors import UsageError
from dfpt.versioning import preview

if TYPE_CHECKING:
    from dvc.repo import Repo

_PIPELINE, _PARAMS = "dvc.yaml", "params.yaml"


@contextlib.contextmanager
def opened() -> Iterator[Repo]:
    """The DVC repository of the working folder.

    Raises:
        UsageError: there is none, or DVC is not installed.
    """
    try:
        from dvc.exceptions import NotDvcRepoError
        from dvc.repo import Repo
    except ImportError as error:
        raise UsageError("DVC is not installed.", "pip install 'dfpt[versioning]'") from error
    dvc_trouble.quiet()
    try:
        repo = Repo()
    except NotDvcRepoError as error:
        raise UsageError(
            f"{Path.cwd()} is in no DVC repository.", "In the root of a git repository: dvc init"
        ) from error
    with contextlib.closing(repo):
        yield repo


def track(path: Path, dry_run: bool = False) -> list[Path]:
    """Put a folder of images under DVC and make the stage prepare read it.

    Returns:
        What has changed, or would, and belongs into a git commit.

    Raises:
        UsageError: no such folder, outside the repository, or held by git or another DVC file.
    """
    with opened() as repo:
        inside = _inside(repo, path)
        edited = [Path(repo.root_dir) / name for name in (_PIPELINE, _PARAMS)]
        with _explained(f"DVC cannot track {path}"):
            if dry_run:
                stages = [preview.add(repo, path)]
            else:
                stages = repo.add(str(path))
                for file in edited:
                    _edit(file, inside)
        made = [Path(stage.path) for stage in stages] + [path.parent / ".gitignore"]
        changed = [file for file in made if dry_run or file.exists()] + [file for file in edited if file.exists()]
    return [Path(os.path.relpath(file)) for file in changed]


def pin(revision: str, remote: str | None, dry_run: bool = False) -> Pointer:
    """Set data.revision and what it comes to in params.yaml, comments stay; whoever reads the file needs no clone.

    Raises:
        UsageError: no params.yaml here, or the revision, its images or the remote are not there.
    """
    file = Path(_PARAMS)
    data = resolve(file).data
    if data.source.partition(":")[0] not in FILES:
        raise UsageError(f"data.source is {data.source}: DVC keeps only files.", "dfpt data add FOLDER")
    found = dvc_file.find(data.path, revision, remote or data.remote)
    if not dry_run:
        from dvc.utils.serialize import modify_yaml

        with modify_yaml(str(file)) as content:
            content["data"] |= {"revision": revision, "stored": found.model_dump()}
            if remote:
                content["data"]["remote"] = remote
    return found


def send(remote: str | None, every_commit: bool = False, dry_run: bool = False) -> int:
    """Copy what the remote lacks of this revision, or of every commit, to it; the number of files.

    In a dry run they are counted only.

    Raises:
        StepFailed: the remote is away or refuses.
        UsageError: there is no such remote.
    """
    with opened() as repo, _remote(repo, remote) as where, _explained(f"Cannot push to {where}"):
        if dry_run:
            return preview.push(repo, remote, every_commit)
        return int(repo.push(remote=remote, all_commits=every_commit))


def get(remote: str | None, dry_run: bool = False) -> dict[str, int]:
    """Bring what this revision names from the remote, and check it out; counts of files.

    In a dry run they are counted only.

    Raises:
        StepFailed: the remote is away, refuses, or lacks files.
        UsageError: there is no such remote.
    """
    with opened() as repo, _remote(repo, remote) as where, _explained(f"Cannot pull from {where}"):
        named = [str(out) for out in repo.index.outs if out.hash_info and out.use_cache]  # no stage that never ran
        if dry_run:
            return preview.pull(repo, named, remote)
        done: dict[str, Any] = repo.pull(named, remote=remote) if named else {}
    return {str(name): int(count) for name, count in done.get("stats", {}).items()}


def _inside(repo: Repo, path: Path) -> str:
    """``path`` from the root of the repository, with forward slashes."""
    if not path.is_dir():
        raise UsageError(f"No folder {path}.", "Copy the images there first, or dfpt data fetch SOURCE --out PATH.")
    inside = os.path.relpath(os.path.realpath(path), os.path.realpath(repo.root_dir))
    if inside.startswith(".."):
        raise UsageError(f"{path} is outside the repository {repo.root_dir}.", "Copy the images to data/NAME there.")
    return Path(inside).as_posix()


def _edit(file: Path, inside: str) -> None:
    """dvc.yaml with ``inside`` among what prepare reads, params.yaml with it as the source; comments stay."""
    from dvc.utils.serialize import modify_yaml

    if file.exists():
        with modify_yaml(str(file)) as content:
            if file.name == _PARAMS:
                content["data"]["source"] = f"folder:{inside}"
            elif inside not in (deps := content["stages"]["prepare"]["deps"]):
                deps.append(inside)


@contextlib.contextmanager
def _remote(repo: Repo, name: str | None) -> Iterator[str]:
    """The remote as a message names it."""
    chosen = dvc_file.chosen(repo.config, name)
    remote = repo.config["remote"][chosen]
    endpoint = remote.get("endpointurl")
    with dvc_trouble.impatient():
        yield f"the remote {chosen!r} ({remote['url']}{f' at {endpoint}' if endpoint else ''})"


def _explained(doing: str) -> contextlib.AbstractContextManager[None]:
    return dvc_trouble.explained(doing, "Push from the machine that has it: dfpt data push; nothing here is lost.")
