"""Options that more than one command has, and what they mean."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from dfpt.errors import UsageError

Home = Annotated[
    Path, typer.Option("--home", envvar="DFPT_HOME", help="State folder: registry, models, checkpoints, caches.")
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON to standard output; fractions and seconds.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Configuration; else params.yaml here, else the packaged one.")
]
Profile = Annotated[
    str | None, typer.Option("--profile", envvar="DFPT_PROFILE", help="A profile of the configuration.")
]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override one key, e.g. student.recipe.epochs=3.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check and say what would be done; change nothing.")]

DEFAULT_HOME = Path(".dfpt")


def of_source(source: str) -> list[str]:
    """Assignments that make a SOURCE of the command line the images to read, as they lie there: of no revision."""
    return [f"data.source={json.dumps(source)}", *(f"data.{key}=null" for key in ("revision", "remote", "stored"))]


def write_json(value: Any) -> None:
    """The one document that a command with --json writes to standard output; it writes nothing else there."""
    from dfpt import files

    typer.echo(files.json_text(value))


def say(sentence: str, shown: Any, as_json: bool) -> None:
    """The sentence for people, or the object for programs."""
    if as_json:
        write_json(shown)
    else:
        typer.echo(sentence)


def use_home(home: Path) -> Path:
    """Make ``home`` the state folder of this process and of those that it starts."""
    home = home.expanduser().absolute()
    os.environ["DFPT_HOME"] = str(home)
    return home


def config_file(named: Path | None) -> Path | None:
    """The configuration to read; None is the one shipped with the package."""
    here = Path("params.yaml")
    return named or (here if here.is_file() else None)


def known_step(name: str, known: Iterable[str]) -> str:
    """``name`` if it is a step; underscores are forgiven."""
    wanted, steps = name.replace("_", "-"), list(known)
    if wanted not in steps:
        near = difflib.get_close_matches(wanted, steps, n=1)
        raise UsageError(f"Unknown step {name!r}: {', '.join(steps)}.", f"Did you mean {near[0]!r}?" if near else "")
    return wanted
