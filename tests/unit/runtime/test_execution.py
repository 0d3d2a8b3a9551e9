"""A step of our own takes the place of distil, in a process of its own: signals and exit codes are the process's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dfpt.errors import EXIT_FAILED, EXIT_REFUSED

ROOT = Path(__file__).parents[3]
CALL = """
import json, sys, types
step = types.ModuleType("dfpt.steps.distil")
exec(sys.argv[1], step.__dict__)
sys.modules["dfpt.steps.distil"] = step
from dfpt import runtime
from dfpt.config import Config, for_step
config = for_step(Config(), "distil").model_dump(mode="json")
runtime.component("distil", config, {"teacher": "in"}, {"student": "out"}, "metrics.json")
"""
WORKS = """
def run(inputs, outputs, config, context):
    outputs["student"].mkdir()
    (outputs["student"] / "weights").write_bytes((inputs["teacher"] / "weights").read_bytes())
    return {"val_accuracy": 0.5, "missing": float("nan")}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "weights").write_bytes(b"1")
    return tmp_path


def command(source: str) -> list[str]:
    return [sys.executable, "-c", CALL, source]


def environment(place: Path, **extra: str) -> dict[str, str]:
    left_out = {name: value for name, value in os.environ.items() if not name.startswith("DFPT_")}
    return left_out | {
        "PYTHONPATH": str(ROOT),
        "DFPT_HOME": str(place / "home"),
        "DFPT_ERROR_FILE": str(place / "error.json"),
        **extra,
    }


def call(place: Path, source: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(source), cwd=place, env=environment(place, **extra), capture_output=True, text=True, check=False
    )


def error(place: Path) -> dict[str, object]:
    value: dict[str, object] = json.loads((place / "error.json").read_text())
    return value


def partials(place: Path) -> list[Path]:
    return list(place.rglob("*.partial"))


def test_a_step_leaves_its_output_metrics_and_a_note_for_the_runner(place: Path) -> None:
    done = call(place, WORKS, DFPT_RUN_FOLDER=str(place / "run"))
    assert done.returncode == 0, done.stderr
    assert (place / "out" / "weights").read_bytes() == b"1"
    assert json.loads((place / "metrics.json").read_text()) == {"val_accuracy": 0.5, "missing": None}
    note = json.loads((place / "run" / "distil.json").read_text())
    assert note["outputs"] == {"student": "out"}
    assert note["seconds"] > 0
    assert not (place / "error.json").exists()


def test_a_failing_step_leaves_no_output_but_its_reason(place: Path) -> None:
    done = call(place, WORKS.replace("return", "raise RuntimeError('loss is NaN') #"))
    assert done.returncode == EXIT_FAILED
    assert not (place / "out").exists()
    assert partials(place) == []
    assert "loss is NaN" in str(error(place)["message"])
    assert "raise RuntimeError" in str(error(place)["traceback"]) or "RuntimeError" in str(error(place)["traceback"])
    assert "Traceback" not in done.stderr


def test_a_refusal_keeps_its_report(place: Path) -> None:
    refuse = "raise DataRefused('a leak', 'look') #"
    done = call(place, "from dfpt.errors import DataRefused\n" + WORKS.replace("return", refuse))
    assert done.returncode == EXIT_REFUSED
    assert (place / "out" / "weights").exists()
    assert error(place)["exit_code"] == EXIT_REFUSED


def test_a_step_that_forgets_its_output_has_failed(place: Path) -> None:
    done = call(place, "def run(inputs, outputs, config, context): return {}")
    assert done.returncode == EXIT_FAILED
    assert "student" in str(error(place)["message"])


COUNTS = """
def run(inputs, outputs, config, context):
    tally = context.checkpoints / "tally"
    count = int(tally.read_text()) + 1 if tally.exists() else 1
    tally.write_text(str(count))
    if count < 3:
        raise RuntimeError("not yet")
    outputs["student"].mkdir()
    return {"count": float(count)}
"""


def test_checkpoints_are_taken_up_by_the_same_work_and_gone_when_it_is_done(place: Path) -> None:
    codes = [call(place, COUNTS, DFPT_ERROR_FILE=str(place / f"error{i}.json")).returncode for i in range(3)]
    assert codes == [EXIT_FAILED, EXIT_FAILED, 0]
    assert list((place / "home" / "checkpoints" / "distil").iterdir()) == []


def test_other_input_bytes_are_other_work(place: Path) -> None:
    call(place, COUNTS)
    (place / "in" / "weights").write_bytes(b"2")
    call(place, COUNTS, DFPT_ERROR_FILE=str(place / "second.json"))
    tallies = [path.read_text() for path in (place / "home" / "checkpoints").rglob("tally")]
    assert tallies == ["1", "1"]


WAITS = """
import signal, threading
from dfpt.errors import StepFailed
def run(inputs, outputs, config, context):
    context.reporter.progress(0, 1, "waiting")
    while not context.cancelled():
        threading.Event().wait(0.01)
    raise StepFailed("stopped at a clean point")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_step_at_its_next_clean_point(place: Path, number: signal.Signals) -> None:
    with subprocess.Popen(command(WAITS), cwd=place, env=environment(place), stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert any(b"waiting" in line for line in process.stdout)
        process.send_signal(number)
        assert process.wait(20) == EXIT_FAILED
    assert error(place)["message"] == "stopped at a clean point"


def test_a_step_whose_runner_was_killed_stops(place: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as runner:
        env = environment(place, DFPT_RUNNER_PID=str(runner.pid))
        with subprocess.Popen(command(WAITS), cwd=place, env=env, stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert any(b"waiting" in line for line in process.stdout)
            runner.kill()
            runner.wait()
            assert process.wait(20) == EXIT_FAILED


def test_no_step_starts_after_another_of_the_run_has_failed(place: Path) -> None:
    (place / "error.json").write_text("{}")
    assert call(place, WORKS).returncode != 0
    assert not (place / "out").exists()
    assert (place / "error.json").read_text() == "{}"
