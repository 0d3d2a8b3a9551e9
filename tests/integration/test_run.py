"""``dfpt run`` as a person has it: real processes, real steps, digits, the smoke profile."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dfpt.errors import EXIT_FAILED, EXIT_PENDING, EXIT_REFUSED, EXIT_USAGE
from dfpt.graph import STEPS, downstream

ROOT = Path(__file__).parents[2]
REGISTRY_STEPS = ["gate", "register"]
SMOKE = ("--data", "digits", "--profile", "smoke")


@dataclass(frozen=True)
class Ended:
    """A run that has come to its end."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.out)
        return value


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "dfpt.cli.main", "run", "--json", "--home", str(home), *arguments]


def run(home: Path, *arguments: str) -> Ended:
    done = subprocess.run(command(home, *arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    return Ended(done.returncode, done.stdout, done.stderr)


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """A run in a process group of its own."""
    return subprocess.Popen(
        command(home, *arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def start_until_checkpoint(step: str, home: Path, *arguments: str) -> subprocess.Popen[str]:
    """A run that has just finished an epoch of ``step``."""
    process = start(home, *arguments)
    while not checkpoints(home, step):
        assert process.poll() is None, "the run ended before the first checkpoint"
        time.sleep(0.01)  # a poll of the file system, which has no other sign
    return process


def start_until_it_says(step: str, home: Path, *arguments: str) -> subprocess.Popen[str]:
    """A run in which ``step`` has just started."""
    process = start(home, *arguments)
    assert process.stderr is not None
    assert any(line.startswith(f"[{step}]") for line in process.stderr), "the run ended before the step"
    return process


def checkpoints(home: Path, step: str) -> list[Path]:
    return list(home.glob(f"checkpoints/{step}/*/last.pt"))


def versions(home: Path, name: str) -> int:
    """How many versions of ``name`` the registry has."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{home / 'mlflow.db'}", f"sqlite:///{home / 'mlflow.db'}")
    return len(client.search_model_versions(f"name='{name}'"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def first(home: Path) -> Ended:
    return run(home, *SMOKE)


@pytest.fixture
def ready(first: Ended, home: Path) -> Path:
    """The state folder after the first run. It is shared (a cached result is bound to its path): leave it as it was."""
    assert first.code == EXIT_PENDING, first.err
    return home


def test_a_first_run_ends_with_a_candidate_that_waits_for_approval(first: Ended, home: Path) -> None:
    assert first.code == EXIT_PENDING, first.err
    result = first.result
    assert (result["status"], result["name"], result["created"]) == ("pending", "digits", True)
    assert set(result["executed"]) == set(STEPS)
    assert {model: figures["accuracy"] > 0.5 for model, figures in result["models"].items()} == {
        "teacher": True,
        "baseline": True,
        "student": True,
    }
    assert result["models"]["student"]["parameters"] * 3 < result["models"]["teacher"]["parameters"]
    assert "[distil] 100%" in first.err
    assert set(result["peak_memory"]) == set(STEPS)
    assert 2**26 < max(result["peak_memory"].values()) < 3 * 2**30
    assert versions(home, "digits") == 1


def test_a_run_that_changes_nothing_executes_only_gate_and_register(first: Ended, ready: Path) -> None:
    before = versions(ready, "digits")
    again = run(ready, *SMOKE)
    assert again.code == EXIT_PENDING, again.err
    assert list(again.result["executed"]) == REGISTRY_STEPS
    assert again.result["cached"] == [step for step in STEPS if step not in REGISTRY_STEPS]
    assert again.result["created"] is False
    assert again.result["version"] == first.result["version"]
    assert versions(ready, "digits") == before


@pytest.mark.slow
def test_a_changed_student_trains_no_teacher(first: Ended, ready: Path) -> None:
    changed = run(ready, *SMOKE, "--set", "student.recipe.epochs=4")
    assert set(changed.result["executed"]) == {"train-baseline", *downstream("tune-prompt")}
    assert changed.result["weights_sha256"] != first.result["weights_sha256"]


@pytest.mark.parametrize("whole", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["all of it", "the runner"])
def test_a_run_that_was_killed_in_training_goes_on_to_the_same_weights(whole: bool, first: Ended, ready: Path) -> None:
    with start_until_checkpoint("distil", ready, *SMOKE, "--from", "tune-prompt") as process:
        if whole:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    assert checkpoints(ready, "distil")
    again = run(ready, *SMOKE)
    assert again.code == EXIT_PENDING, again.err
    assert list(again.result["executed"]) == downstream("distil")
    assert "epoch 1/" not in again.err  # the first epochs were not trained again
    assert again.result["weights_sha256"] == first.result["weights_sha256"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_ended_in_any_step_goes_on_after_the_last_finished_one(
    step: str, number: signal.Signals, first: Ended, ready: Path
) -> None:
    before = versions(ready, "digits")
    with start_until_it_says(step, ready, *SMOKE, "--from", step) as process:
        os.killpg(process.pid, number)
        process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else EXIT_FAILED)
    again = run(ready, *SMOKE)
    assert again.code == EXIT_PENDING, again.err
    assert set(again.result["executed"]) <= set(downstream(step)) | set(REGISTRY_STEPS)
    assert again.result["weights_sha256"] == first.result["weights_sha256"]
    assert again.result["version"] == first.result["version"]
    assert versions(ready, "digits") == before


def test_an_interrupted_run_says_so_and_goes_on_to_the_same_weights(first: Ended, ready: Path) -> None:
    with start_until_checkpoint("distil", ready, *SMOKE, "--from", "distil") as process:
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == EXIT_FAILED
    assert "nterrupted" in said
    assert "Traceback" not in said
    again = run(ready, *SMOKE)
    assert again.result["weights_sha256"] == first.result["weights_sha256"]


def test_the_error_of_a_step_reaches_the_person_with_its_exit_code(ready: Path) -> None:
    before = versions(ready, "digits")
    wrong = run(ready, *SMOKE, "--set", "student.model=timm:no-such-net")
    assert wrong.code == EXIT_USAGE
    assert "no-such-net" in wrong.err
    assert "Traceback" not in wrong.err
    assert wrong.out == ""
    assert versions(ready, "digits") == before


def test_an_untrained_student_is_refused_with_the_reasons(ready: Path) -> None:
    before = versions(ready, "digits")
    refused = run(ready, *SMOKE, "--set", "student.recipe.epochs=0")
    assert refused.code == EXIT_REFUSED, refused.err
    assert refused.result["status"] == "refused"
    assert any("accuracy" in reason for reason in refused.result["reasons"])
    assert versions(ready, "digits") == before


def test_a_report_that_lacks_one_figure_is_refused(ready: Path) -> None:
    path = Path(run(ready, *SMOKE).result["evaluation"]).with_name("report.json")
    whole = path.read_text()
    removed, nan = json.loads(whole), json.loads(whole)
    del removed["models"]["student"]["macro_f1"]
    nan["models"]["student"]["macro_f1"] = float("nan")
    for report in (removed, nan):
        path.write_text(json.dumps(report))
        try:
            refused = run(ready, *SMOKE)
        finally:
            path.write_text(whole)
        assert refused.code == EXIT_REFUSED, refused.err
        assert refused.result["reasons"]
        assert list(refused.result["executed"]) == ["gate"]


def test_a_folder_with_two_images_is_refused_as_data(tmp_path: Path) -> None:
    for name in ("good", "bad"):
        (tmp_path / "images" / name).mkdir(parents=True)
        Image.fromarray(np.full((32, 32), len(name), np.uint8)).save(tmp_path / "images" / name / "1.png")
    refused = run(tmp_path / "home", "--data", f"folder:{tmp_path / 'images'}", "--profile", "smoke")
    assert refused.code == EXIT_REFUSED, refused.err
    assert refused.out == ""


def small_disk(folder: Path, size: str) -> list[str]:
    """The beginning of a command that sees a full-sized world with a small tmpfs at ``folder``."""
    script = f'mount -t tmpfs -o size={size} tmpfs "{folder}" && exec "$@"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"]


def can_mount(folder: Path) -> bool:
    folder.mkdir(exist_ok=True)
    done = subprocess.run([*small_disk(folder, "1m"), "true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("size", ["256k", "2m"])
def test_a_full_disk_is_named_with_its_remedy(size: str, tmp_path: Path) -> None:
    home = tmp_path / "small"
    if not can_mount(home):
        pytest.skip("no user namespaces here: a small disk cannot be mounted")
    done = subprocess.run(
        [*small_disk(home, size), *command(home, *SMOKE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == EXIT_FAILED
    assert re.search("disk is full|No space left", done.stderr)
    assert str(home) in done.stderr
    assert "--home" in done.stderr
    assert "Traceback" not in done.stderr
