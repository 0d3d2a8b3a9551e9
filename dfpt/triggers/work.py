"""Carry out what was asked for: here by ``dfpt run``, or by a run in the cluster. One at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dfpt.cluster import outcome
from dfpt.cluster.errors import NotThere, Unreachable
from dfpt.cluster.kfp import Pipelines
from dfpt.errors import EXIT_FAILED, DfptError
from dfpt.registry.store import Store
from dfpt.schedules import worker
from dfpt.schedules.file import Work
from dfpt.triggers import requests
from dfpt.triggers.tables import Request, State

Submit = Callable[[Work, str], str]  # what to run, and the run's name; gives its id, also where it is there already


def here(store: Store, config: Path | None) -> Request | None:
    """Run the oldest request on this machine, to its end; None where there is none."""
    request = requests.claim(store)
    if request is None:
        return None
    arguments = requests.work(request).arguments()
    ended = worker.run(request.reason, request.trigger, arguments, store.home, config)
    if ended is None or ended.cut_off:  # the scheduler is ending: it is filed again when it starts
        return request
    return requests.end(store, request, ended.exit_code)


def all_here(store: Store, config: Path | None) -> None:
    """Run what was asked for, one after the other."""
    while (ended := here(store, config)) is not None and ended.state != State.STARTED:
        pass


def in_cluster(store: Store, pipelines: Pipelines, submit: Submit) -> Request | None:
    """See whether the run under way has ended, else start the oldest request; what was moved, None where nothing was.

    Raises:
        Unreachable: whether it was started nobody knows; the next call asks again under the same name.
        DfptError: it could not be started; the request is then ended as failed, with the error's exit code.
    """
    for request in requests.filed(store):
        if request.state == State.STARTED and request.run_id:
            code = _exit_code(pipelines, request.run_id)
            return None if code is None else requests.end(store, request, code)
    requests.give_back(store)
    claimed = requests.claim(store)
    if claimed is None:
        return None
    try:
        run_id = submit(requests.work(claimed), requests.run_name(claimed))
    except Unreachable:
        raise
    except DfptError as error:
        requests.end(store, claimed, error.exit_code)
        raise
    return requests.name_run(store, claimed, run_id)


def _exit_code(pipelines: Pipelines, run_id: str) -> int | None:
    """How the run ended; None where it has not. One that somebody deleted has failed."""
    try:
        return outcome.outcome(pipelines.run(run_id)).exit_code
    except NotThere:
        return EXIT_FAILED
