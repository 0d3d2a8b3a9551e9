from __future__ import annotations

import io
import json
from pathlib import Path

from dfpt.runtime import record
from pipelines import local


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def entry(cache: Path, name: str, folder: str) -> Path:
    path = cache / f"{name}.json"
    path.write_text(json.dumps({"x": {"uri": folder}, "Output": "text"}))
    return path


def test_doing_a_step_over_forgets_it_and_what_follows_and_nothing_else(tmp_path: Path) -> None:
    cache = tmp_path / "pipeline" / "cache"
    cache.mkdir(parents=True)
    for step, output in (("prepare", "dataset"), ("tune-prompt", "prompt"), ("distil", "student")):
        entry(cache, step, f"{tmp_path}/pipeline/dfpt-retraining-1/{step}/{output}")
        (tmp_path / "checkpoints" / step / "abc").mkdir(parents=True)
    local.forget(tmp_path, "tune-prompt")
    assert [path.stem for path in cache.iterdir()] == ["prepare"]
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["prepare"]


def test_doing_a_step_over_in_a_new_state_folder_is_no_error(tmp_path: Path) -> None:
    local.forget(tmp_path, "prepare")


def test_only_progress_lines_reach_the_person_and_everything_the_log() -> None:
    terminal, log = io.StringIO(), io.StringIO()
    sieve = local._Sieve(terminal, log)
    for text in ("kfp is busy\n", "    [distil]  45%", "  epoch 9\n", "[nothing] x\n"):
        sieve.write(text)
    assert terminal.getvalue() == "[distil]  45%  epoch 9\n"
    assert "kfp is busy" in log.getvalue()


def test_on_a_terminal_a_steps_line_replaces_its_last_and_the_final_one_stays() -> None:
    terminal = Terminal()
    sieve = local._Sieve(terminal, io.StringIO())
    for text in ("[distil]  45%  a\n", "[distil]  90%  b\n", "[distil] done in 3 s\n", "[gate] starting\n"):
        sieve.write(text)
    sieve.close()
    assert terminal.getvalue().count("\n") == 2
    assert terminal.getvalue().count("\r") == 4


def test_a_failed_run_still_knows_the_cached_steps_that_its_executed_ones_used(tmp_path: Path) -> None:
    dataset = tmp_path / "old" / "prepare" / "dataset"
    note = record.Executed(
        "validate", 1.5, 2**20, {"dataset": dataset}, {"validation": tmp_path / "v"}, tmp_path / "metrics"
    )
    record.write(tmp_path, note)
    done = local.Run(tmp_path)
    local._collect(done, {})
    assert done.seconds == {"validate": 1.5}
    assert done.cached == ["prepare"]
    assert done.outputs == {"dataset": dataset, "validation": tmp_path / "v"}
    assert done.metrics["prepare"] == tmp_path / "old" / "prepare" / "metrics"
