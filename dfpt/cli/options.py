"""Options that more than one command has, and what they mean."""

from __future__ import annotations

import json
import os
import sys
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

LARGEST = 2**31 - 1  # number of a row that every database takes
DEFAULT_HOME = Path(".dfpt")


def of_source(source: str) -> list[str]:
    """Assignments that make a SOURCE of the command line the images to read, as they lie there: of no revision."""
    return [f"data.source={json.dumps(source)}", *(f"data.{key}=null" for key in ("revision", "remote", "stored"))]


def write_json(value: Any) -> None:
    """The one document that a command with --json writes to standard output; it writes nothing else there."""
    from dfpt import files

    text = files.json_text(value)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:  # a terminal that has not the letters, or a file's name that is none
        text = files.json_text(value, ascii_only=True)
    typer.echo(text)


def say(sentence: str, shown: Any, as_json: bool) -> None:
    """The sentence for people, or the object for programs."""
    if as_json:
        write_json(shown)
    else:
        typer.echo(sentence)


def use_home(home: Path) -> Path:
    """Make ``home`` the state folder of this process and of those that it starts.

    Raises:
        UsageError: it is a file, or no folder can be called so.
    """
    home = home.expanduser().absolute()
    try:
        is_file = home.exists() and not home.is_dir()
    except OSError as error:
        raise UsageError(f"--home: {error.strerror}: {str(home)[:100]}...", "Name a folder.") from error
    if is_file:
        raise UsageError(f"--home: {home} is a file.", "Name a folder.")
    os.environ["DFPT_HOME"] = str(home)
    return home


def be_impatient() -> None:
    """MLflow's client asks a server that is away for four minutes; a person at a terminal is told after seconds."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")


def config_file(named: Path | None) -> Path | None:
    """The configuration to read; None is the one shipped with the package."""
    here = Path("params.yaml")
    return named or (here if here.is_file() else None)


def known_step(name: str, known: Iterable[str]) -> str:
    """``name`` if it is a step; underscores are forgiven."""
    wanted, steps = name.replace("_", "-"), list(known)
    if wanted not in steps:
        from dfpt import settings

        raise UsageError(f"Unknown step {name!r}.", settings.nearest(wanted, steps))
    return wanted
