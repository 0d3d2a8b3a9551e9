"""``dfpt schedule serve``: the file's schedules on this machine, without a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dfpt.cli import options

ScheduleFile = Annotated[Path, typer.Option("--file", envvar="DFPT_SCHEDULES", help="The schedules' file.")]
DEFAULT = Path("schedules.yaml")


def command(
    path: ScheduleFile = DEFAULT,
    home: options.Home = options.DEFAULT_HOME,
    config: options.ConfigFile = None,
) -> None:
    """Keep the file's schedules on this machine until SIGTERM or Ctrl-C: `dfpt run`, one at a time."""
    from dfpt.schedules import server
    from dfpt.schedules.file import read

    server.serve(read(path), options.use_home(home), options.config_file(config))
