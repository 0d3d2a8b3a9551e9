"""``dfpt model shadow``: a candidate beside the model in production, on new images."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfpt.cli import options, preparing
from dfpt.cli.deciding import As, Model, Version, open_registry, require_version, split

if TYPE_CHECKING:
    from dfpt.config import Config
    from dfpt.context import Reporter
    from dfpt.datasets.sample import Sample
    from dfpt.evaluation.replay import Side
    from dfpt.registry.handle import Registry


def command(
    model: Model,
    images: Annotated[str, typer.Option(metavar="SOURCE", help="New images of production, with labels or without.")],
    version: Version = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop asking after so long, and say how many images were compared.")
    ] = None,
    person: As = None,
    dry_run: options.DryRun = False,
    home: options.Home = options.DEFAULT_HOME,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    assignments: options.Assignments = None,
    as_json: options.Json = False,
) -> None:
    """Compare a candidate with the model in production on new images, and attach the outcome to its request.

    Both are asked in the form that would be deployed. While it lasts, the candidate carries the alias challenger.
    """
    from dfpt.cli.bar import bar
    from dfpt.evaluation import shadow
    from dfpt.evaluation.replay import Side, replay
    from dfpt.registry import actor, challenger

    name, given = split(model, version)
    number, who = require_version(name, given), actor.current(person)
    registry = open_registry(home)
    production = _champion(registry, name)
    if dry_run:
        challenger.check(registry, name, number, who)
        options.say(
            f"Would compare {name}/{number} with {production.model} on {images}.",
            {"candidate": f"{name}/{number}", "champion": production.model, "images": images, "dry_run": True},
            as_json,
        )
        return
    resolved = preparing.resolved(images, config, profile, assignments)
    with challenger.challenging(registry, name, number, who) as (request, folder), tempfile.TemporaryDirectory() as tmp:
        with bar() as reporter:
            sample = _prepared(resolved, Path(tmp), reporter)
            candidate = Side(request.model, request.weights_sha256, folder)
            report, examples = replay(candidate, production, sample, seconds, reporter)
        said = shadow.sentence(report)
        kept = challenger.attach(registry, request, who, report, shadow.page(report, examples), said)
    if as_json:
        options.write_json(report | {"folder": str(kept)})
    else:
        typer.echo(f"{name}/{number} {said}.\nReport: {kept / challenger.PAGE}")


def _champion(registry: Registry, name: str) -> Side:
    from dfpt.context import Context
    from dfpt.evaluation.replay import Side
    from dfpt.registry import champion
    from dfpt.registry.errors import NotFound

    found = champion.fetch(Context(registry.home, registry.home, tracking_uri=registry.uri), name)
    if found is None:
        raise NotFound(f"Nothing of {name} is in production to compare with.", "The first one is judged by its report.")
    return Side(f"{found.name}/{found.version}", found.weights_sha256, found.artifact)


def _prepared(config: Config, folder: Path, reporter: Reporter) -> Sample:
    from dfpt.datasets import sample
    from dfpt.errors import UsageError

    preparing.prepare(config, folder, reporter)
    found = sample.load(folder)
    if not len(found.rows):
        raise UsageError(f"{config.data.source} has no image that can be read.", "Check the path.")
    return found
