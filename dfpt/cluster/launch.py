"""Run a step in many processes: under torchrun in this pod, or as a TrainJob on many nodes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from dfpt import files
from dfpt.cluster import follow, jobs, trainjob
from dfpt.cluster.plan import Plan
from dfpt.cluster.work import ERROR, Work
from dfpt.context import Metrics, home_folder
from dfpt.errors import StepFailed
from dfpt.runtime import trouble
from dfpt.runtime.revision import code_revision
from dfpt.settings import validated

_LAST_LINES = 20
_GRACE_SECONDS = 60  # for the last batch and the checkpoint after a SIGTERM
# What the processes on other nodes have to hear from this pod: who waits for their figures.
_HANDED_ON = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID", "DFPT_TRACKING", "DFPT_GIT_REVISION")


def launch(told: str, work: Work) -> Metrics:
    """Run ``work`` by the plan ``told`` in DFPT_LAUNCH; its outputs and metrics are in place afterwards.

    Raises:
        DfptError: the error of the process that failed first; StepFailed with its last lines where it left none.
    """
    plan = validated(Plan, json.loads(told), Plan.VARIABLE)
    if plan.resources.num_nodes > 1:
        _on_many_nodes(plan, work, jobs.in_cluster(), os.environ["DFPT_POD"])
    else:
        with tempfile.TemporaryDirectory(prefix="dfpt-launch-") as folder:
            _in_this_pod(plan, work, Path(folder))
    values: Metrics = json.loads(Path(work.metrics).read_text(encoding="utf-8"))
    return values


def torchrun(processes: int, work: Path) -> list[str]:
    """The command for one node; on many nodes the runtime's PET_* variables say the rest."""
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"),
        *("-m", "dfpt.runtime.worker", str(work)),
    ]


def _in_this_pod(plan: Plan, work: Work, folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in (Plan.VARIABLE, "DFPT_ERROR_FILE")}
    process = subprocess.Popen(
        torchrun(plan.resources.num_processes, work.save(folder)),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    before = signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    try:
        assert process.stdout is not None
        last = _passed_on(process.stdout)
        code = process.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
        if process.poll() is None:
            process.kill()
    if code:
        raise _failure(work.step, folder, f"torchrun ended with {code}", last)


def _passed_on(lines: IO[str] | Iterable[str]) -> list[str]:
    """Print every line as it comes; return the last ones."""
    last: deque[str] = deque(maxlen=_LAST_LINES)
    for line in lines:
        print(line, end="", flush=True)
        last.append(line.rstrip("\n"))
    return list(last)


def _failure(step: str, folder: Path, what: str, last: Iterable[str]) -> Exception:
    """The error that a process left in ``folder``, else one with the last lines of the log."""
    if found := trouble.found(folder / ERROR):
        return found
    said = "\n  ".join(last)
    return StepFailed(f"{step}: {what}. The last lines of its log:\n  {said}", "Run again: it goes on there.")


def _on_many_nodes(plan: Plan, work: Work, api: jobs.Jobs, pod: str, every: float = 5.0) -> None:
    """As a TrainJob; the files go through the state folder, which every node mounts.

    Args:
        pod: this one, whose owner becomes the job's.
        every: seconds between two looks at the job.
    """
    asked = threading.Event()
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        name = trainjob.name(work.step, _identity(plan, work))
        folder = home_folder() / "trainjobs" / name
        shared = _shared(work, folder)
        files.remove(folder / ERROR)
        environment = {key: os.environ[key] for key in _HANDED_ON if key in os.environ}
        command = ["torchrun", "-m", "dfpt.runtime.worker", str(shared.save(folder))]
        manifest = trainjob.manifest(name, api.namespace, plan, command, environment, api.owner(pod))
        follow.adopt(api, manifest, asked, every)
        ended, last = follow.until_it_ends(api, name, asked, every, _LAST_LINES)
        if asked.is_set():
            raise StepFailed(f"{work.step} was interrupted; its TrainJob {name} is deleted.", "Run again.")
        if not ended.well:
            raise _failure(work.step, folder, f"the TrainJob {name} failed ({ended.reason})", last)
        _collect(shared, work)
        api.delete(name)  # before its folder goes: should this pod be retried, it finds no job that has ended well
        files.remove(folder)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _identity(plan: Plan, work: Work) -> dict[str, Any]:
    return {
        "run": os.environ.get("DFPT_RUN", ""),
        "plan": plan.model_dump(mode="json"),
        "step": work.step,
        "config": dict(work.config),
        "inputs": {name: files.sha256(Path(path)) for name, path in work.inputs.items()},
        "code": code_revision(),
    }


def _shared(work: Work, folder: Path) -> Work:
    """The same work with its inputs copied into, and its outputs expected in, a folder that every node sees."""

    def inside(kind: str, paths: Mapping[str, str]) -> dict[str, str]:
        return {name: str(folder / kind / name) for name in paths}

    inputs = inside("in", work.inputs)
    for name, path in work.inputs.items():
        if not Path(inputs[name]).exists():  # an adopted job reads it already
            with files.replacing(Path(inputs[name])) as partial:
                shutil.copytree(path, partial)
    return Work(work.step, work.config, inputs, inside("out", work.outputs), str(folder / "metrics.json"))


def _collect(shared: Work, work: Work) -> None:
    for name, path in work.outputs.items():
        with files.replacing(Path(path)) as partial:
            shutil.copytree(shared.outputs[name], partial)
    shutil.copyfile(shared.metrics, work.metrics)
