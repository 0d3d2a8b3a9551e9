"""What DVC would copy and change: its own comparisons, without the copying and changing that follow them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.repo.index import IndexView
    from dvc.stage import Stage
    from dvc_data.hashfile.hash_info import HashInfo


def add(repo: Repo, path: Path) -> Stage:
    """What ``repo.add`` would make, or change. Raises what it raises before it writes anything."""
    from dvc.repo.add import get_or_create_stage, translate_graph_error

    stage = get_or_create_stage(repo, str(path)).stage
    with translate_graph_error([stage]):
        repo.check_graph(stages=[stage])
    return stage


def push(repo: Repo, remote: str | None, every_commit: bool) -> int:
    """How many files ``repo.push`` would copy."""
    from dvc.repo.index import index_from_targets

    objects: set[HashInfo] = set()
    for _ in repo.brancher(all_commits=every_commit):
        objects |= _objects(index_from_targets(repo, outs_filter=lambda out: out.can_push))
    return len(repo.cloud.status(objects, remote=remote).new)


def pull(repo: Repo, named: Sequence[str], remote: str | None) -> dict[str, int]:
    """The counts that ``repo.pull`` of ``named`` would give: files fetched, then changed in the workspace.

    Raises:
        FileNotFoundError: neither the remote nor the cache has a file.
    """
    from dvc.repo.index import build_data_index, index_from_targets
    from dvc_data.index.checkout import compare
    from dvc_data.index.diff import ADD, DELETE, MODIFY

    if not named:
        return {}
    view = index_from_targets(repo, targets=list(named))
    found = repo.cloud.status(_objects(view), remote=remote)
    if found.missing:
        raise FileNotFoundError(f"it lacks {', '.join(sorted(one.obj_name or one.value for one in found.missing)[:3])}")
    here = build_data_index(view, repo.root_dir, repo.fs, compute_hash=True)
    changes = compare(here, view.data["repo"], delete=True).changes.values()
    typed = [change.typ for change in changes if not (change.new or change.old).isdir]
    counts = {name: typed.count(typ) for name, typ in (("modified", MODIFY), ("added", ADD), ("deleted", DELETE))}
    return {"fetched": len(found.deleted)} | counts


def _objects(view: IndexView) -> set[HashInfo]:
    """Of the outputs and of what is in their folders. A list of files that the cache lacks is read from the remote,
    without keeping it; one that is nowhere is left out, as DVC does."""
    data = view.data["repo"]
    data.onerror = lambda entry, error: None
    return {entry.hash_info for _, entry in data.iteritems() if entry.hash_info}
