"""What all commands that change the registry have in common: one block of options, and the way a request is shown."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfpt.cli import options
from dfpt.errors import EXIT_FAILED, EXIT_PENDING, UsageError

if TYPE_CHECKING:
    from dfpt.registry.desk import Answer, Desk
    from dfpt.registry.handle import Registry
    from dfpt.registry.remote import Client
    from dfpt.registry.store import Store

Model = Annotated[str, typer.Argument(metavar="NAME[/VERSION]", help="A registered model, e.g. elpv/3.")]
Version = Annotated[
    int | None,
    typer.Argument(metavar="[VERSION]", min=1, max=options.LARGEST, help="Its version, if not given as NAME/VERSION."),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; stays in the log for ever.")]
As = Annotated[str | None, typer.Option("--as", metavar="PERSON", help="Who decides; else the user of this account.")]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        envvar="DFPT_APPROVALS_URL",
        help="The approvals service that decides, with the token of DFPT_APPROVALS_TOKEN; else the registry here.",
    ),
]

_BLOCK: dict[str, tuple[Any, Any]] = {  # parameter -> type, default
    "model": (Model, inspect.Parameter.empty),
    "version": (Version, None),
    "reason": (Reason, inspect.Parameter.empty),
    "person": (As, None),
    "dry_run": (options.DryRun, False),
    "server": (Server, None),
    "home": (options.Home, options.DEFAULT_HOME),
    "as_json": (options.Json, False),
}


@dataclass(frozen=True)
class Decision:
    """What the block's options say.

    Attributes:
        version: None where the model was named without one.
    """

    name: str
    version: int | None
    reason: str
    dry_run: bool
    desk: Desk
    as_json: bool

    @property
    def candidate(self) -> tuple[str, int]:
        """Name and version, of a command that needs both."""
        return self.name, require_version(self.name, self.version)

    def say(self, answer: Answer) -> None:
        """Tell what was done, or would be: a sentence for people, an object for programs; and the exit code."""
        if self.as_json:
            options.write_json(answer.shown | {"dry_run": self.dry_run})
        else:
            typer.echo(answer.message)
        if answer.pending:
            raise typer.Exit(EXIT_PENDING)
        if answer.waiting:
            raise typer.Exit(EXIT_FAILED)


def decision(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the block of options; it takes a :class:`Decision` first, then options of its own."""
    hints = typing.get_type_hints(command, include_extras=True)
    own = [parameter for name, parameter in inspect.signature(command).parameters.items() if name != "deed"]

    @functools.wraps(command)
    def call(**given: Any) -> None:
        block = {name: given.pop(name) for name in _BLOCK}
        command(_decision(**block), **given)

    keyword = inspect.Parameter.KEYWORD_ONLY
    common = [
        inspect.Parameter(name, keyword, default=default, annotation=annotation)
        for name, (annotation, default) in _BLOCK.items()
    ]
    mine = [parameter.replace(kind=keyword, annotation=hints[parameter.name]) for parameter in own]
    call.__dict__["__signature__"] = inspect.Signature([*common, *mine])
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in (*common, *mine)}
    del call.__dict__["__wrapped__"]  # or typer reads the command's own parameters
    return call


def split(model: str, version: int | None) -> tuple[str, int | None]:
    """NAME/VERSION, or NAME and VERSION, or NAME alone."""
    name, slash, number = model.partition("/")
    if slash and version is None and number.isdecimal() and int(number) <= options.LARGEST:
        return name, int(number)
    if slash:
        raise UsageError(f"{model!r} names no version.", "Write NAME/VERSION; dfpt model list shows them.")
    return name, version


def require_version(name: str, version: int | None) -> int:
    if version is None:
        raise UsageError(f"{name!r} names no version.", "Write NAME/VERSION; dfpt model list shows them.")
    return version


def open_registry(home: Path) -> Registry:
    """The registry of ``home``, if there is one."""
    from dfpt.registry import handle
    from dfpt.tracking import store

    home = options.use_home(home)
    options.be_impatient()
    if store.tracking_uri(home).startswith("sqlite:") and not (home / store.DATABASE).exists():
        raise _no_registry(home)
    return handle.open_registry(home)


def open_store(home: Path) -> Store:
    """Its database alone: what needs no MLflow answers at once."""
    from dfpt.registry import store

    require_store(options.use_home(home))
    return store.open_store(home)


def require_store(home: Path) -> None:
    """Raise UsageError where there is no registry: looking for one makes none."""
    from dfpt.registry import store

    if not store.exists(home):
        raise _no_registry(home)


def open_client(server: str) -> Client:
    """The client of the approvals service at ``server``."""
    try:
        from dfpt.registry import remote
    except ImportError as error:
        raise UsageError(
            f"--server needs {error.name}, which is not installed.", "pip install 'dfpt[approvals]'"
        ) from error

    return remote.from_environment(server)


def _no_registry(home: Path) -> UsageError:
    return UsageError(f"There is no registry in {home}.", "Name its folder with --home, or make one: dfpt run.")


def _decision(
    model: str,
    version: int | None,
    reason: str,
    person: str | None,
    dry_run: bool,
    server: str | None,
    home: Path,
    as_json: bool,
) -> Decision:
    from dfpt.registry import permission

    name, number = split(model, version)
    permission.require_reason(reason)
    return Decision(name, number, reason, dry_run, _desk(server, person, home), as_json)


def _desk(server: str | None, person: str | None, home: Path) -> Desk:
    if server is None:
        from dfpt.registry import actor
        from dfpt.registry.desk import Local

        return Local(open_registry(home), actor.current(person))
    if person is not None:
        raise UsageError("--as does not go with --server: the token says who decides.", "Leave it away.")
    return open_client(server)
