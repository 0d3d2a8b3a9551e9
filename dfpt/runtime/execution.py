"""Call a step: give it its surroundings, and let nothing half-written or unexplained come out of it."""

from __future__ import annotations

import atexit
import contextlib
import gc
import hashlib
import importlib
import json
import math
import os
import resource
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock

from dfpt import config as configuration
from dfpt import files
from dfpt.context import Context, Metrics, home_folder
from dfpt.datasets.task import Task
from dfpt.errors import DataRefused, DfptError, GateRefused, StepFailed
from dfpt.graph import STEPS
from dfpt.runtime import accelerator, attempts, group, record, trouble
from dfpt.runtime.progress import DONE, Progress, duration
from dfpt.runtime.revision import code_revision
from dfpt.runtime.tracked import tracked
from dfpt.settings import Section
from dfpt.tracking.run import DATA_VERSION
from dfpt.tracking.store import tracking_uri


def component(
    step: str,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    metrics: str,
    page: tuple[str, str] | None = None,
) -> Metrics:
    """The body of a Kubeflow component: execute, and end the process with the error's exit code.

    Args:
        page: the step's self-contained page among its outputs, and where Kubeflow wants it; also that of a refusal.

    Returns:
        The metrics that a JSON number can hold.
    """
    atexit.register(gc.freeze)  # or Python looks for garbage in torch and MLflow before it ends: up to 1.4 s a step
    error_file = os.environ.get("DFPT_ERROR_FILE")
    if error_file and Path(error_file).exists():  # the local engine starts what does not depend on the failed step
        sys.exit("not started: an earlier step of this run has failed")
    note = attempts.note(step)
    try:
        if said := attempts.final(step):
            raise said
        accelerator.check(step)
        settings = configuration.parse_step(step, config)
        if plan := os.environ.get("DFPT_LAUNCH"):  # in many processes
            from dfpt.cluster import launch
            from dfpt.cluster.work import Work

            values = launch.launch(plan, Work(step, config, inputs, outputs, metrics))
        else:
            values = execute(step, settings, _paths(inputs), _paths(outputs), Path(metrics))
    except DfptError as error:
        for path in (Path(error_file) if error_file else None, note):
            if path:
                trouble.leave(path, step, error)
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        sys.exit(error.exit_code)
    finally:
        if page and Path(page[0]).exists():
            shutil.copyfile(*page)
    if note:
        files.remove(note)
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _paths(given: Mapping[str, str]) -> dict[str, Path]:
    return {name: Path(path) for name, path in given.items()}


def execute(
    step: str,
    config: Section,
    inputs: Mapping[str, Path],
    outputs: Mapping[str, Path],
    metrics_path: Path,
) -> Metrics:
    """Run ``step``; its outputs appear whole or not at all, except that a refusal leaves its report.

    Under torchrun several processes make this call and share the work; the first alone writes.

    An interrupted call leaves its checkpoints; the next call with the same configuration, the same bytes in its
    inputs and the same code takes them up.

    Raises:
        DfptError: whatever went wrong, explained.
    """
    home = home_folder()
    started = time.monotonic()
    try:
        with _cancellation() as cancelled, group.joined(step, outputs) as member:
            if member.helps:
                checkpoints = _checkpoint_folder(home, step, config, inputs)
                return _call(step, config, inputs, member.outputs, Context(home, checkpoints, cancelled=cancelled))[0]
            Progress(step).say("starting")
            with _checkpoints(home, step, config, inputs) as checkpoints:
                values = _run(step, config, inputs, outputs, home, checkpoints, cancelled)
                files.write_json(metrics_path, values)
    except (Exception, KeyboardInterrupt) as error:
        explained = trouble.explain(error, step, home)
        raise explained from (error if explained is not error else error.__cause__)
    seconds = time.monotonic() - started
    if folder := os.environ.get("DFPT_RUN_FOLDER"):  # tell the runner that the step did not come from the cache
        record.write(Path(folder), record.Executed(step, seconds, _peak_memory(), inputs, outputs, metrics_path))
    Progress(step).say(f"{DONE} in {duration(seconds)}")
    return values


def _run(
    step: str,
    config: Section,
    inputs: Mapping[str, Path],
    outputs: Mapping[str, Path],
    home: Path,
    checkpoints: Path,
    cancelled: Callable[[], bool],
) -> Metrics:
    """The call itself, tracked. A refusal is raised only when its report is in place."""
    refused: DataRefused | GateRefused | None = None
    values: Metrics = {}
    with tracked(step, config, home, cancelled) as tracking:
        try:
            if tracking and "dataset" in inputs:
                task = Task.load(inputs["dataset"])
                tracking.dataset(task.source, task.data_hash)
                tracking.tags({DATA_VERSION: task.data_hash})
            with contextlib.ExitStack() as stack:
                partial = {name: stack.enter_context(files.replacing(path)) for name, path in outputs.items()}
                context = Context(
                    home=home,
                    checkpoints=checkpoints,
                    reporter=Progress(step, tracking.metrics if tracking else None),
                    cancelled=cancelled,
                    tracking_uri=tracking_uri(home),
                    run_id=tracking.run_id if tracking else None,
                )
                values, refused = _call(step, config, inputs, partial, context)
            if tracking:
                tracking.metrics(values)
                for folder in outputs.values():
                    tracking.evidence(folder)
            if refused:
                raise refused
        except Exception as error:  # in words before it reaches the tracked run, which quotes it
            explained = trouble.explain(error, step, home)
            raise explained from (error if explained is not error else error.__cause__)
    return values


def _call(
    step: str, config: Section, inputs: Mapping[str, Path], partial: Mapping[str, Path], context: Context
) -> tuple[Metrics, DataRefused | GateRefused | None]:
    run: Callable[..., Metrics] = importlib.import_module(f"dfpt.steps.{STEPS[step].module}").run
    try:
        values = run(inputs, partial, config, context)
    except (DataRefused, GateRefused) as refused:
        for folder in partial.values():
            folder.mkdir(exist_ok=True)
        return {}, refused
    except Exception as error:  # explained here, before the partial output goes and with it the sign of a full disk
        explained = trouble.explain(error, step, context.home)
        raise explained from (error if explained is not error else error.__cause__)
    for name, folder in partial.items():
        if not folder.exists():
            raise StepFailed(f"{step} wrote no {name}.", "This is a fault in dfpt; please report it.")
    return values, None


@contextlib.contextmanager
def _checkpoints(home: Path, step: str, config: Section, inputs: Mapping[str, Path]) -> Iterator[Path]:
    """A folder that is the same in every attempt at the same work, used by one process (or group) at a time."""
    folder = _checkpoint_folder(home, step, config, inputs)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_suffix(".lock"))  # an orphan of a killed run may still be at its last batch
    with lock:
        yield folder
        files.remove(folder)
        files.remove(Path(lock.lock_file))


def _checkpoint_folder(home: Path, step: str, config: Section, inputs: Mapping[str, Path]) -> Path:
    work = {
        "config": config.model_dump(mode="json"),
        "inputs": {name: files.sha256(path) for name, path in inputs.items()},
        "code": code_revision(),
    }
    digest = hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()
    return home / "checkpoints" / step / digest


@contextlib.contextmanager
def _cancellation() -> Iterator[Callable[[], bool]]:
    """Yield the question whether to stop: after the first SIGINT or SIGTERM, or when the runner is gone.

    A second signal interrupts at once.
    """
    asked = threading.Event()
    runner = int(os.environ.get("DFPT_RUNNER_PID") or 0)

    def handle(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    def cancelled() -> bool:
        return asked.is_set() or (runner > 0 and not _alive(runner))

    if threading.current_thread() is not threading.main_thread():  # only the main thread may take signals
        yield cancelled
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancelled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _peak_memory() -> int:
    """Bytes, of this process so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
