"""The few things that we ask of DVC, with one message for each way in which it may go wrong."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfpt.errors import StepFailed, UsageError
from dfpt.versioning import preview

if TYPE_CHECKING:
    from dvc.repo import Repo

_PIPELINE, _PARAMS = "dvc.yaml", "params.yaml"
_ATTEMPTS = "AWS_MAX_ATTEMPTS"  # botocore's: five by default, half a minute until a dead server is called dead


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
    for name in ("dvc", "dvc_data", "dvc_objects"):  # what goes wrong is raised, and said by us
        logging.getLogger(name).setLevel(logging.CRITICAL)
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
    known = repo.config["remote"]
    chosen = name or repo.config["core"].get("remote")
    if chosen is None or chosen not in known:
        named = f"no remote {name!r}" if name else "no default remote"
        raise UsageError(
            f"DVC knows {named}; it has {', '.join(known) or 'none'}.", "dvc remote add --default NAME s3://BUCKET/PATH"
        )
    before = os.environ.get(_ATTEMPTS)
    os.environ.setdefault(_ATTEMPTS, "2")
    try:
        endpoint = known[chosen].get("endpointurl")
        yield f"the remote {chosen!r} ({known[chosen]['url']}{f' at {endpoint}' if endpoint else ''})"
    finally:
        if before is None:
            del os.environ[_ATTEMPTS]


@contextlib.contextmanager
def _explained(doing: str) -> Iterator[None]:
    """Whatever DVC, its file systems or the network raise, in one sentence; DVC's own words are kept."""
    from dvc.exceptions import CheckoutError, DvcException, OverlappingOutputPathsError

    try:
        yield
    except OverlappingOutputPathsError as error:
        raise UsageError(f"{doing}: {error}.", "Track one of the two folders.") from error
    except CheckoutError as error:
        missing = ", ".join(error.target_infos[:3])
        raise StepFailed(
            f"{doing}: it lacks {missing}.", "Push from the machine that has it: dfpt data push; nothing here is lost."
        ) from error
    except (DvcException, OSError) as error:
        raise StepFailed(f"{doing}: {_said(error)}.", _AWAY) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("botocore", "aiobotocore", "aiohttp"):
            raise
        raise StepFailed(f"{doing}: {_said(error)}.", _AWAY) from error


_AWAY = "Check that it is up and that you may use it (dvc remote list); nothing here is lost, the same command goes on."


def _said(error: BaseException) -> str:
    """The first reason in a chain of errors that says something, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
