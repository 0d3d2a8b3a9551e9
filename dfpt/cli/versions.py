"""``dfpt data add``, ``push``, ``pull`` and ``versions``: data under DVC, and the models made of each version."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from dfpt.cli import options

Remote = Annotated[str | None, typer.Option("--remote", help="A remote of DVC's; else its default one.")]


def add(
    path: Annotated[Path, typer.Argument(help="Folder of images in this repository, e.g. data/line-3.")],
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Track a folder of images by DVC, and make it the source of the pipeline (dvc.yaml, params.yaml)."""
    from dfpt.versioning import repository

    changed = [str(file) for file in repository.track(path, dry_run)]
    if dry_run:
        sentence = f"Would track {path}, for prepare to read and as data.source; that writes {', '.join(changed)}."
    else:
        add = f"  git add {' '.join(changed)} && git commit, then dfpt data push"
        sentence = f"Tracked {path}. To keep this version:\n{add}"
    options.say(sentence, {"path": str(path), "changed": changed, "dry_run": dry_run}, as_json)


def pin(
    revision: Annotated[str, typer.Argument(help="Tag, branch or commit of git.")] = "HEAD",
    remote: Remote = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Write into params.yaml which images a revision has and where they are fetched, for runs far from a clone."""
    from dfpt.versioning import repository

    found = repository.pin(revision, remote, dry_run)
    names = "would name" if dry_run else "names"
    sentence = f"params.yaml {names} the images of {revision} ({found.commit[:12]}): {found.md5} in {found.url}."
    options.say(sentence, found.model_dump() | {"dry_run": dry_run}, as_json)


def push(
    remote: Remote = None,
    every_commit: Annotated[bool, typer.Option("--all", help="Of every commit, not of this revision alone.")] = False,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Copy the data and results of this git revision to a remote."""
    from dfpt.versioning import repository

    count = repository.send(remote, every_commit, dry_run)
    sentence = f"{count} files {'would be ' if dry_run else ''}pushed."
    options.say(sentence, {"pushed": count, "dry_run": dry_run}, as_json)


def pull(remote: Remote = None, dry_run: options.DryRun = False, as_json: options.Json = False) -> None:
    """Bring the data and results of this git revision from a remote."""
    from dfpt.versioning import repository

    counts = repository.get(remote, dry_run)
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    would = "would be: " if dry_run and said else ""
    options.say(f"{would}{said or 'nothing to do'}.", counts | {"dry_run": dry_run}, as_json)


def versions(home: options.Home = options.DEFAULT_HOME, as_json: options.Json = False) -> None:
    """List the data versions, with the commits that have them and the models trained from each; the newest first."""
    from dfpt.datasets import version_record
    from dfpt.errors import UsageError
    from dfpt.versioning import revisions, story

    home = options.use_home(home)
    try:
        commits = revisions.revisions()
    except UsageError as error:  # the state folder and the registry know versions too
        commits = []
        typer.echo(f"Commits are not listed: {error.message}", err=True)
    found = story.versions(commits, version_record.known(home), home)
    if as_json:
        options.write_json([dataclasses.asdict(version) for version in found])
    else:
        _show(found)


def _show(found: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Data versions, the newest first", title_justify="left")
    for title in ("data", "source", "images", "commits", "models"):
        table.add_column(title, justify="right" if title == "images" else "left")
    for version in found:
        models = [_model(model) for model in version.models]
        commits = [f"{one.commit} {one.subject}" for one in version.revisions]
        table.add_row(
            version.data_hash[:12] if version.data_hash else _unknown(version),
            version.source or "",
            "" if version.images is None else str(version.images),
            "\n".join(commits),
            "\n".join(models),
        )
    Console(highlight=False, markup=False).print(table)


def _unknown(version: Any) -> str:
    prepared = any(revision.prepared for revision in version.revisions)
    return "not here: dfpt data pull" if prepared else "not prepared: dvc repro"


def _model(model: dict[str, Any]) -> str:
    accuracy = "" if model["accuracy"] is None else f", {model['accuracy']:.1%}"
    return f"{model['name']}/{model['version']} ({model['status']}{accuracy})"
