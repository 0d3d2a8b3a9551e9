"""A SOURCE of the command line as the data set that a run would make of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dfpt.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dfpt.config import Config
    from dfpt.context import Reporter


def resolved(
    source: str, config: Path | None, profile: str | None, assignments: Sequence[str] | None, *more: str
) -> Config:
    """The configuration with ``source`` to read; ``more`` assignments go before those of the command line."""
    from dfpt.config import resolve

    return resolve(options.config_file(config), profile, [*(assignments or ()), *options.of_source(source), *more])


def prepare(config: Config, folder: Path, reporter: Reporter, home: Path | None = None) -> None:
    """Prepare the configuration's source into ``folder``.

    Args:
        home: the state folder whose quarantine counts and is filled; None: neither.
    """
    from dfpt.config import PrepareConfig
    from dfpt.context import Context
    from dfpt.steps import prepare

    context = Context(home=home or folder, checkpoints=folder, reporter=reporter)
    prepare.run({}, {"dataset": folder}, PrepareConfig(seed=config.seed, data=config.data), context)
