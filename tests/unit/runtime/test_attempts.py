"""A component as a retrying engine calls it: again, in a new process, whatever the exit code was."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dfpt.errors import DataRefused, DfptError, StepFailed, UsageError
from dfpt.runtime import attempts, execution


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Calls the component validate; its work raises ``error``. Returns the exit code and whether it worked at all."""
    monkeypatch.setenv(attempts.RUN, "run-1")

    def attempt(error: DfptError | None) -> tuple[object, bool]:
        worked = []

        def execute(*_: object) -> dict[str, float]:
            worked.append(True)
            if error:
                raise error
            return {"images": 1.0}

        monkeypatch.setattr(execution, "execute", execute)
        config = {"validation": {}}
        try:
            execution.component("validate", config, {}, {}, str(tmp_path / "metrics"))
        except SystemExit as end:
            return end.code, bool(worked)
        return 0, bool(worked)

    return attempt


@pytest.mark.parametrize("error", [UsageError("no such model"), DataRefused("an empty class")])
def test_wrong_usage_and_a_refusal_are_not_worked_on_again_and_end_with_the_same_code(call, error: DfptError) -> None:
    assert call(error) == (error.exit_code, True)
    assert call(None) == (error.exit_code, False)


def test_a_failure_that_may_pass_is_worked_on_again_and_its_reason_goes_with_it(call) -> None:
    assert call(StepFailed("MLflow does not answer")) == (1, True)
    assert list(attempts.errors()) == ["validate"]
    assert call(None) == (0, True)
    assert attempts.errors() == {}


def test_another_run_starts_afresh(call, monkeypatch: pytest.MonkeyPatch) -> None:
    call(DataRefused("an empty class"))
    monkeypatch.setenv(attempts.RUN, "run-2")
    assert call(None) == (0, True)


def test_on_this_machine_nothing_is_left(call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(attempts.RUN)
    assert call(DataRefused("an empty class")) == (3, True)
    assert call(None) == (0, True)


@pytest.mark.skipif(sys.platform != "linux", reason="the pinned torch is the CPU build there")
def test_a_step_that_was_given_a_gpu_which_torch_cannot_see_ends_with_wrong_usage(
    call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setenv("DFPT_ACCELERATORS", "1")
    assert call(None) == (2, False)
    assert "sees 0" in capsys.readouterr().err
