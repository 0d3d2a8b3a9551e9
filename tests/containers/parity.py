"""One graph, four contexts: the same small pipeline as functions, by DVC, under kfp.local, and in containers.

Each function runs digits with the smoke profile and returns what it made; the comparison is :mod:`test_parity`'s.
As a program it writes the table: python -m tests.containers.parity FOLDER   (DOCKER_HOST names the engine)
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfpt import config as configuration
from dfpt import files
from dfpt.context import Context
from dfpt.errors import DfptError, GateRefused
from dfpt.graph import STEPS
from tests import dvc_clone

ROOT = Path(__file__).parents[2]
SMOKE = ("--data", "digits", "--profile", "smoke")
# What is compared byte for byte -> the step that leaves it, and the file.
WEIGHTS = {
    "teacher": ("train-teacher", "model.safetensors"),
    "baseline": ("train-baseline", "model.safetensors"),
    "prompt": ("tune-prompt", "prompt.safetensors"),
    "student": ("distil", "model.safetensors"),
}
_WALL_CLOCK = ("latency_seconds",)  # the only figures that are measured in time


@dataclass(frozen=True)
class Made:
    """What one context has made, or how it failed.

    Attributes:
        code: the exit code; that of an error where there is no process of its own.
        said: what a person is told of a failure.
        weights: model -> SHA-256 of its file of weights.
        figures: the report without what is measured in time.
        outcome: the gate's.
    """

    code: int
    said: str
    weights: dict[str, str]
    figures: dict[str, Any]
    outcome: str | None
    seconds: float


def functions(place: Path, *assignments: str) -> Made:
    """The steps' functions, called one after the other in a process of its own: no engine at all."""
    command = [sys.executable, "-m", "tests.containers.parity", "--functions", str(place), *assignments]
    return _process(command, place, lambda step, name: place / step / name)


def by_dvc(place: Path, *assignments: str) -> Made:
    """``dvc repro`` in what DVC needs of a clone."""
    clone = dvc_clone.make(place, *assignments)
    environment = {"PATH": dvc_clone.path(place), "DFPT_HOME": str(place / "home")}
    return _process([*dvc_clone.DVC, "repro"], clone, lambda step, name: clone / "artifacts" / step / name, environment)


def under_kfp(place: Path, *assignments: str) -> Made:
    """``dfpt run``: kfp.local's SubprocessRunner."""
    return _dfpt_run(place, "process", *assignments)


def in_containers(place: Path, *assignments: str) -> Made:
    """``dfpt run --runner docker``: kfp.local's DockerRunner, mended, in the image."""
    return _dfpt_run(place, "docker", *assignments)


CONTEXTS: dict[str, Callable[..., Made]] = {
    "functions": functions,
    "dvc": by_dvc,
    "kfp.local processes": under_kfp,
    "kfp.local containers": in_containers,
}


def _dfpt_run(place: Path, runner: str, *assignments: str) -> Made:
    home = place / "home"
    command = [sys.executable, "-m", "dfpt.cli.main", "run", "--json", "--home", str(home), *SMOKE, "--runner", runner]
    for assignment in assignments:
        command += ["--set", assignment]

    def output(step: str, name: str) -> Path:
        found = sorted(home.glob(f"pipeline/*/{step}/{name}"))
        return found[-1] if found else home / "nothing"

    return _process(command, ROOT, output)


def _process(
    command: list[str], cwd: Path, output: Callable[[str, str], Path], environment: dict[str, str] | None = None
) -> Made:
    """Run ``command`` to its end; ``output`` says where a step's output lies."""
    started = time.perf_counter()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DFPT_")}
    surroundings = inherited | {"PYTHONPATH": str(ROOT)} | (environment or {})
    done = subprocess.run(command, cwd=cwd, env=surroundings, capture_output=True, text=True, check=False, timeout=1800)
    seconds = time.perf_counter() - started
    made = {model: output(step, model) / file for model, (step, file) in WEIGHTS.items()}
    weights = {model: files.sha256(path) for model, path in made.items() if path.exists()}
    report, gate = output("evaluate", "evaluation") / "report.json", output("gate", "decision") / "gate.json"
    return Made(
        code=done.returncode,
        said=done.stderr + ("" if done.returncode in (0, 4) else done.stdout),
        weights=weights,
        figures=_timeless(json.loads(report.read_text())) if report.exists() else {},
        outcome=json.loads(gate.read_text())["outcome"] if gate.exists() else None,
        seconds=seconds,
    )


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in _WALL_CLOCK}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _call_functions(place: Path, assignments: list[str]) -> int:
    """Every step's ``run``, with nothing round it. Ends as ``dfpt step`` would."""
    from dfpt.tracking import store

    chosen = ["data.source=digits", *assignments]
    config = configuration.resolve(ROOT / "params.yaml", "smoke", chosen, {})
    home = place / "home"
    home.mkdir(parents=True)
    store.ensure(home, config.registration.name)
    for step in STEPS.values():
        (place / step.name).mkdir()
        (home / "checkpoints" / step.name).mkdir(parents=True)
        context = Context(home, home / "checkpoints" / step.name, tracking_uri=store.tracking_uri(home))
        values = importlib.import_module(f"dfpt.steps.{step.module}").run(
            {name: place / producer / name for name, producer in step.takes.items()},
            {name: place / step.name / name for name in step.gives},
            configuration.for_step(config, step.name),
            context,
        )
        if step.name == "gate" and values["passed"] != 1:
            raise GateRefused("The gate said no.")
    return 0


def write(folder: Path, made: dict[str, Made]) -> None:
    """The table, and all of it as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    first = next(iter(made.values()))
    lines = ["| context | seconds | gate | " + " | ".join(WEIGHTS) + " | figures |", "|---" * (len(WEIGHTS) + 4) + "|"]
    for name, one in made.items():
        same = "equal" if one.figures == first.figures else "differ"
        hashes = " | ".join(f"`{one.weights[model][:12]}`" for model in WEIGHTS)
        lines.append(f"| {name} | {one.seconds:.0f} | {one.outcome} | {hashes} | {same} |")
    (folder / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    raw = {name: {"seconds": one.seconds, "weights": one.weights, "figures": one.figures} for name, one in made.items()}
    files.write_json(folder / "parity.json", raw)


def main() -> int:
    if sys.argv[1] == "--functions":
        try:
            return _call_functions(Path(sys.argv[2]), sys.argv[3:])
        except DfptError as error:
            print(error, file=sys.stderr)
            return error.exit_code
    with tempfile.TemporaryDirectory() as scratch:
        made = {}
        for name, context in CONTEXTS.items():
            place = Path(scratch) / name.replace(" ", "-")
            place.mkdir(mode=0o755)
            made[name] = context(place)
            print(f"{name}: {made[name].code} in {made[name].seconds:.0f} s", flush=True)
        write(Path(sys.argv[1]), made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
