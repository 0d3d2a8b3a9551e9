"""``dfpt step``: one step, its folders named by the caller. dvc.yaml consists of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from dfpt.cli import options
from dfpt.errors import GateRefused, UsageError
from dfpt.graph import STEPS


def command(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(STEPS)}.")],
    in_: Annotated[list[str] | None, typer.Option("--in", metavar="NAME=PATH", help="An input folder.")] = None,
    out: Annotated[
        list[str] | None, typer.Option("--out", metavar="NAME=PATH", help="An output folder; metrics=PATH is a file.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the content of output folders.")] = False,
    config: options.ConfigFile = None,
    profile: options.Profile = None,
    set_: options.Assignments = None,
    home: options.Home = options.DEFAULT_HOME,
) -> None:
    """Run one step of the pipeline."""
    step = STEPS[options.known_step(name, STEPS)]
    inputs = _paths("--in", in_ or (), step.name, step.takes)
    outputs = _paths("--out", out or (), step.name, [*step.gives, "metrics"])
    for path in inputs.values():
        if not path.is_dir():
            raise UsageError(f"No such folder: {path}.", "It is the output of an earlier step.")
    if not overwrite:
        _refuse_to_lose(outputs)

    from dfpt import config as configuration
    from dfpt import runtime

    options.use_home(home)
    resolved = configuration.resolve(options.config_file(config), profile, set_ or ())
    metrics = outputs.pop("metrics")
    values = runtime.execute(step.name, configuration.for_step(resolved, step.name), inputs, outputs, metrics)
    if step.name == "gate" and values.get("passed") != 1:
        raise GateRefused("The gate said no.", f"The reasons are in {outputs['decision'] / 'gate.html'}.")


def _refuse_to_lose(outputs: Mapping[str, Path]) -> None:
    for name, path in outputs.items():
        if path.is_dir() and any(path.iterdir()):
            raise UsageError(
                f"--out {name}={path}: the folder is not empty, and the step would replace all that is in it.",
                "Name another folder, or add --overwrite.",
            )


def _paths(option: str, pairs: Iterable[str], step: str, wanted: Iterable[str]) -> dict[str, Path]:
    names = list(wanted)
    paths: dict[str, Path] = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not equals or not path:
            raise UsageError(f"{option} {pair}: no path.", f"Write {option} NAME=PATH.")
        if name not in names:
            raise UsageError(f"{step} knows no {option} {name}.", f"It has {', '.join(names) or 'none'}.")
        paths[name] = Path(path)
    if missing := [name for name in names if name not in paths]:
        raise UsageError(
            f"{step} needs " + " ".join(f"{option} {name}=PATH" for name in missing) + ".",
            "It takes and gives folders of your choice; dvc.yaml calls every step so.",
        )
    return paths
