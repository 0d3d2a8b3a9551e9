"""The pipeline on this machine, through Kubeflow's local engine: which steps ran, what they left, why one failed.

The engine's status says neither (a closed gate is a success to it, a failed step has no reason), so everything is
read from files: each executed step leaves ``<step>.json`` in the run's folder, a failed one ``error.json``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from components.image import IMAGE
from dfpt import files
from dfpt.config import Config, for_step
from dfpt.errors import DfptError, StepFailed
from dfpt.graph import STEPS, downstream
from dfpt.runtime import code_revision, progress, record, tracked, trouble
from dfpt.runtime.tracked import Tracking
from pipelines import containers

# What containers see of this process's environment: where MLflow is, and what decides the order of sums.
_OF_IMAGES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION")  # of a remote
_HANDED_ON = ("MLFLOW_TRACKING_URI", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class Run:
    """One run of the pipeline.

    Attributes:
        folder: the run's own: log, markers, resolved configuration.
        outputs: output name -> the folder it is in, whether made now or taken from the cache.
        metrics: step -> its metrics file, likewise.
        seconds: the steps that were executed -> how long their function took, imports included.
        peak_memory: the same -> bytes, the most that its process had resident.
        error: what ended the run early.
    """

    folder: Path
    outputs: dict[str, Path] = field(default_factory=dict)
    metrics: dict[str, Path] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    peak_memory: dict[str, int] = field(default_factory=dict)
    error: DfptError | None = None

    @property
    def cached(self) -> list[str]:
        """The steps whose earlier result was taken."""
        return [step for step in STEPS if step in self.metrics and step not in self.seconds]

    def metric_values(self, step: str) -> dict[str, float]:
        values: dict[str, float] = json.loads(self.metrics[step].read_text(encoding="utf-8"))
        return values


def run(
    config: Config,
    data_hash: str,
    home: Path,
    folder: Path,
    terminal: TextIO,
    tracking: Tracking,
    in_containers: bool = False,
) -> Run:
    """Run the pipeline; a step whose inputs, configuration and code are as before is taken from the cache.

    Args:
        data_hash: fingerprint of the source, so that new images under the old name are new data.
        home: the state folder.
        folder: this run's own folder, new.
        terminal: where the steps' progress goes; everything else goes to ``folder/log.txt``.
        tracking: the MLflow run that the steps' runs are below.
        in_containers: the steps run in the image instead of in processes of this installation.

    Raises:
        DfptError: the engine of containers cannot be used. What a step said is in the result instead.
    """
    done = Run(folder)
    failure: Exception | None = None
    artifacts: dict[str, Path] = {}
    arguments = {
        step.module: for_step(config, step.name).model_dump(mode="json", exclude_none=True) for step in STEPS.values()
    }
    image = (config.cluster.image or IMAGE) if in_containers else None
    with contextlib.ExitStack() as stack:
        inherited = stack.enter_context(_surroundings(home, folder, terminal, tracking))
        from kfp import local

        from pipelines.retraining import on_this_machine

        if image:
            runner = stack.enter_context(_containers(config, home, image, inherited))
        else:
            runner = local.SubprocessRunner(use_venv=False)
        local.init(
            runner,
            pipeline_root=str(home / "pipeline"),
            workspace_root=str(folder / "tmp"),
            enable_caching=True,
            cache_root=str(home / "pipeline" / "cache"),
        )
        try:
            task = on_this_machine(image)(**arguments, data_hash=data_hash, code_revision=code_revision())
            artifacts = {name: Path(artifact.path) for name, artifact in task.outputs.items()}
        except RuntimeError as error:  # all that the engine says of a failed step
            failure = error
    _collect(done, artifacts)
    if failure:
        done.error = trouble.found(folder / "error.json") or _silent_death(home, folder)
    return done


def forget(home: Path, step: str) -> None:
    """Drop the cached results and the checkpoints of ``step`` and of all that depends on it."""
    again = set(downstream(step))
    for entry in (home / "pipeline" / "cache").glob("*.json"):
        outputs = json.loads(entry.read_text(encoding="utf-8"))
        if any(Path(output["uri"]).parent.name in again for output in outputs.values() if isinstance(output, dict)):
            entry.unlink()
    for name in again:
        files.remove(home / "checkpoints" / name)


def _collect(done: Run, artifacts: dict[str, Path]) -> None:
    """Fill ``done`` from the markers; from the pipeline's own outputs for the cached steps, whose markers are old."""
    for step in STEPS.values():
        if executed := record.read(done.folder, step.name):
            done.seconds[step.name] = executed.seconds
            done.peak_memory[step.name] = executed.peak_memory
            done.metrics[step.name] = executed.metrics
            done.outputs |= executed.outputs
            artifacts = {**executed.inputs, **artifacts}  # all that is known where a step failed
    for step in STEPS.values():
        for name in step.gives:
            if step.name not in done.seconds and name in artifacts:
                done.outputs[name] = artifacts[name]
                done.metrics[step.name] = artifacts[name].with_name("metrics")


def _silent_death(home: Path, folder: Path) -> DfptError:
    """A step ended without a word: killed from outside, or by a write into a memory map of a full disk."""
    if trouble.disk_is_full(home):
        return trouble.full("The pipeline", home)
    return StepFailed(
        "A step of the pipeline was killed (out of memory, or by someone).",
        f"Its last lines are in {folder / 'log.txt'}; the same command goes on where it stopped.",
    )


@contextlib.contextmanager
def _containers(config: Config, home: Path, image: str, inherited: Mapping[str, str]) -> Iterator[Any]:
    """A runner whose containers see what the steps' processes would have inherited, but for this machine's own."""
    from dfpt.registry import filing  # half a second that a run without containers need not wait

    handed_on = {name: value for name, value in inherited.items() if name not in ("TMPDIR", "DFPT_RUNNER_PID")}
    handed_on |= {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    handed_on |= filing.of_a_container()
    stored = config.data.stored
    if stored:
        handed_on |= {name: os.environ[name] for name in _OF_IMAGES if name in os.environ}
    named = Path(stored.url if stored else config.data.path).expanduser()
    images = [named.absolute()] if named.name and named.exists() else []
    servers = {"MLFLOW_TRACKING_URI", filing.URL_VARIABLE} & handed_on.keys()
    network = bool(servers) or (stored is not None and "://" in stored.url)
    with contextlib.closing(containers.client()) as engine:
        containers.check(engine, image)
    mounted = [*images, *(path.absolute() for path in config.data.lists)]
    with containers.runner(home, handed_on, mounted, network) as runner:
        yield runner


@contextlib.contextmanager
def _surroundings(home: Path, folder: Path, terminal: TextIO, tracking: Tracking) -> Iterator[dict[str, str]]:
    """What the steps' processes inherit, and an engine that talks into the log instead of to the person."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    inherited = {
        "DFPT_HOME": str(home),
        "DFPT_RUN_FOLDER": str(folder),
        "DFPT_ERROR_FILE": str(folder / "error.json"),
        "DFPT_RUNNER_PID": str(os.getpid()),
        tracked.VARIABLE: tracking.to_environment(),
        "TMPDIR": str(temporary),  # each step leaves a folder there
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
    }
    before = {name: os.environ.get(name) for name in inherited}
    os.environ.update(inherited)
    try:
        with (folder / "log.txt").open("a", encoding="utf-8", buffering=1) as log, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sieve = _Sieve(terminal, log)
            with contextlib.redirect_stdout(sieve), contextlib.closing(sieve):
                yield inherited
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
        shutil.rmtree(temporary, ignore_errors=True)


class _Sieve:
    """A text stream: everything to the log, the steps' progress lines also to the terminal.

    On a real terminal a step's line replaces the one before.
    """

    def __init__(self, terminal: TextIO, log: TextIO) -> None:
        self._terminal = terminal
        self._log = log
        self._rest = ""
        self._open = False  # the cursor stands behind a line that the next one may replace

    def write(self, text: str) -> int:
        self._log.write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if found := progress.LINE.match(line):
                self._show(found[1])
        return len(text)

    def _show(self, line: str) -> None:
        if not self._terminal.isatty():
            print(line, file=self._terminal, flush=True)
            return
        width = shutil.get_terminal_size().columns - 1
        self._open = f"] {progress.DONE}" not in line
        print(f"\r\033[K{line[:width]}", end="" if self._open else "\n", file=self._terminal, flush=True)

    def close(self) -> None:
        if self._open:
            print(file=self._terminal, flush=True)

    def flush(self) -> None:
        self._log.flush()

    def isatty(self) -> bool:
        return False
