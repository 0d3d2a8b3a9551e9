"""``dfpt schedule serve``: the file's schedules on this machine, without a cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfpt.cli import options

if TYPE_CHECKING:
    from dfpt.cluster.kfp import Pipelines
    from dfpt.registry.store import Store

ScheduleFile = Annotated[Path, typer.Option("--file", envvar="DFPT_SCHEDULES", help="The schedules' file.")]
Lease = Annotated[
    float, typer.Option(min=1, help="Seconds after its last sign of life when another takes over; the same for all.")
]
DEFAULT = Path("schedules.yaml")


def command(
    path: ScheduleFile = DEFAULT,
    home: options.Home = options.DEFAULT_HOME,
    config: options.ConfigFile = None,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two looks at what triggers watch.")] = 900.0,
    lease: Lease = 30.0,
) -> None:
    """Keep the file's schedules on this machine until SIGTERM or Ctrl-C: `dfpt run`, one at a time.

    Several with the same database stand by for each other: one is at work.

    Its triggers are looked at too, and what they ask for is run, when no schedule's run is at work.
    """
    from functools import partial

    from dfpt import config as configuration
    from dfpt.cluster import connect
    from dfpt.schedules import server
    from dfpt.schedules.file import read
    from dfpt.triggers import requests, watcher, work
    from dfpt.triggers.tables import open_tables

    file, config = read(path), options.config_file(config)

    def cluster() -> Pipelines:
        return connect.pipelines(configuration.resolve(config).cluster)

    def tasks(store: Store) -> list[Callable[[], None]]:
        requests.give_back(store)
        return [partial(watcher.look, store, file, config, cluster), partial(work.all_here, store, config)]

    server.serve(file, options.use_home(home), config, open_tables, tasks, every, lease)
