"""``dfpt run``: the whole pipeline on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfpt.cli import options
from dfpt.errors import EXIT_PENDING, EXIT_REFUSED, StepFailed

if TYPE_CHECKING:
    from dfpt.config import Config
    from pipelines import local


class Runner(StrEnum):
    """Where the steps run."""

    PROCESS = "process"
    DOCKER = "docker"


EXIT_BY_STATUS = {"pending": EXIT_PENDING, "promoted": 0, "rejected": EXIT_REFUSED}


def command(
    profile: options.Profile = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="SOURCE", help="elpv, digits, folder:PATH, ... (docs/data.md); sets data.source."
        ),
    ] = None,
    set_: options.Assignments = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Do this step and all that follow it over again.")
    ] = None,
    runner: Annotated[
        Runner, typer.Option("--runner", help="Steps as processes of this installation, or in the image's containers.")
    ] = Runner.PROCESS,
    home: options.Home = options.DEFAULT_HOME,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """Run the pipeline: what has not changed since an earlier run is not done again.

    Ends with 4 when a candidate waits for approval, 0 when it is already in production, 3 when a gate said no.
    """
    from dfpt import config as configuration
    from dfpt.datasets import quarantine, sources
    from dfpt.graph import STEPS
    from dfpt.schedules import tether

    started = time.monotonic()
    tether.hold()
    home = options.use_home(home)
    again = options.known_step(from_, STEPS) if from_ else None
    assignments = [*(set_ or ()), *([f"data.source={json.dumps(data)}"] if data else [])]
    resolved = configuration.resolve(options.config_file(config), profile, assignments)
    data_section = configuration.with_images(resolved)
    resolved = resolved.model_copy(update={"data": data_section})  # one look: a branch may move while the run goes on
    released = quarantine.released(home, data_section.source)
    md5 = data_section.stored.md5 if data_section.stored else None
    fingerprint = sources.fingerprint(data_section.source, data_section.lists, released, md5)
    done = _locked_run(resolved, fingerprint, home, again, runner)

    from dfpt.cli import summary

    result = summary.result(done, time.monotonic() - started)
    if as_json:
        options.write_json(result)
    else:
        summary.show(result)
    raise typer.Exit(EXIT_BY_STATUS.get(result["status"], EXIT_REFUSED))


def _locked_run(config: Config, fingerprint: str, home: Path, again: str | None, runner: Runner) -> local.Run:
    """One run at a time per state folder. Raises what ended it early."""
    from filelock import FileLock, Timeout

    from dfpt import config as configuration
    from pipelines import local

    home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home / "run.lock", timeout=0):
            if again:
                local.forget(home, again)
            folder = home / "runs" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
            folder.mkdir(parents=True)
            (folder / "config.yaml").write_text(configuration.dump(config), encoding="utf-8")
            return _tracked_run(config, fingerprint, home, folder, runner)
    except Timeout:
        raise StepFailed(
            f"Another dfpt run is at work in {home}.", "Wait for it to end, or name another folder with --home."
        ) from None


def _tracked_run(config: Config, data_hash: str, home: Path, folder: Path, runner: Runner) -> local.Run:
    """The pipeline's MLflow run and, below it, one for each step: cached ones are entered afterwards, marked so."""
    from dfpt import runtime
    from dfpt.config import for_step
    from dfpt.graph import STEPS
    from dfpt.runtime.tracked import Tracking
    from dfpt.tracking import models, run, store
    from pipelines import local

    uri = store.tracking_uri(home)
    experiment = store.ensure(home, config.registration.name)
    tags = {"dfpt.data_hash": data_hash, "dfpt.code_revision": runtime.code_revision()}
    if revision := runtime.git_revision():
        tags["dfpt.git_revision"] = revision
    with run.parent_run(folder.name, config, config.data.source, data_hash, uri, experiment, tags) as parent:
        tracking = Tracking(experiment, parent.run_id, tags)
        done = local.run(config, data_hash, home, folder, sys.stderr, tracking, runner is Runner.DOCKER)
        for step in done.cached:
            folders = {name: done.outputs[name] for name in STEPS[step].gives if name in done.outputs}
            settings = for_step(config, step)
            data = _data(done) if "dataset" in STEPS[step].takes else None
            figures = done.metric_values(step)
            run.record_cached(parent.run_id, step, settings, figures, folders, uri, experiment, tags, data)
        if done.error:
            raise done.error
        report = done.outputs["evaluation"] / "report.json"
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # a spoiled report is the gate's to name
            models.record_test_figures(uri, parent.run_id, json.loads(report.read_text(encoding="utf-8")))
    return done


def _data(done: local.Run) -> tuple[str, str]:
    """Source and hash of the data of a run."""
    from dfpt.datasets import Task

    task = Task.load(done.outputs["dataset"])
    return task.source, task.data_hash
