"""The command line as a person meets it: a process, its exit code, its words."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from dfpt.errors import EXIT_FAILED, EXIT_USAGE


def dfpt(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dfpt.cli.main", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def test_help_answers_in_half_a_second() -> None:
    def seconds() -> float:
        started = time.perf_counter()
        assert dfpt("--help").returncode == 0
        return time.perf_counter() - started

    assert min(seconds() for _ in range(3)) < 0.5


def test_help_names_the_exit_codes() -> None:
    assert "4 waiting" in " ".join(dfpt("--help").stdout.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--nope"], "--nope"),
        (["rum"], "rum"),
        (["run", "--set", "sudent.model=x"], "student"),
        (["run", "--set", "seed=many"], "seed"),
        (["run", "--profile", "smok"], "smoke"),
        (["run", "--config", "absent.yaml"], "absent.yaml"),
        (["run", "--data", "digit"], "digits"),
        (["run", "--data", "folder:/no/such/folder"], "/no/such/folder"),
        (["run", "--from", "distill"], "distil"),
        (["step", "distill"], "distil"),
        (["step", "prepare"], "--out dataset=PATH"),
        (["step", "prepare", "--out", "dataset"], "NAME=PATH"),
        (["step", "prepare", "--out", "datset=x", "--out", "metrics=m"], "dataset"),
        (["step", "validate", "--in", "dataset=absent", "--out", "validation=v", "--out", "metrics=m"], "absent"),
    ],
)
def test_wrong_usage_ends_with_2_and_names_the_thing(
    arguments: list[str], words: str, tmp_path: Path, root: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dfpt.cli.main", *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == EXIT_USAGE, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_step_replaces_a_folder_with_content_only_when_it_is_told_to(tmp_path: Path, root: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    (photographs / "a.png").write_bytes(b"my own")
    words = ["step", "prepare", "--profile", "smoke", "--set", "data.source=digits", "--home", str(tmp_path / "home")]
    words += ["--out", f"dataset={photographs}", "--out", f"metrics={tmp_path / 'metrics.json'}"]
    refused = dfpt(*words, cwd=root)
    assert (refused.returncode, "--overwrite" in refused.stderr) == (EXIT_USAGE, True)
    assert (photographs / "a.png").read_bytes() == b"my own"
    assert not (tmp_path / "metrics.json").exists()
    assert dfpt(*words, "--overwrite", cwd=root).returncode == 0
    assert not (photographs / "a.png").exists()


def test_debug_shows_the_traceback_wherever_it_stands(root: Path) -> None:
    for arguments in (["--debug", "run", "--data", "digit"], ["run", "--data", "digit", "--debug"]):
        done = dfpt(*arguments, cwd=root)
        assert done.returncode == EXIT_USAGE
        assert "Traceback" in done.stderr


def test_a_second_run_in_the_same_state_folder_is_refused(tmp_path: Path, root: Path) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / "run.lock"):
        done = dfpt("run", "--data", "digits", "--home", str(tmp_path), cwd=root)
    assert done.returncode == EXIT_FAILED
    assert "Another dfpt run" in done.stderr


def test_pipeline_compile_writes_what_is_checked_in(tmp_path: Path, root: Path) -> None:
    written = dfpt("pipeline", "compile", "--out", str(tmp_path / "mine.yaml"), cwd=root)
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "mine.yaml").read_text() == (root / "pipelines" / "retraining.yaml").read_text()


def test_a_dry_run_of_compile_writes_no_file(tmp_path: Path, root: Path) -> None:
    done = dfpt("pipeline", "compile", "--dry-run", "--out", str(tmp_path / "mine.yaml"), cwd=root)
    assert done.stdout == (root / "pipelines" / "retraining.yaml").read_text()
    assert list(tmp_path.iterdir()) == []
