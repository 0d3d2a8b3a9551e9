from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dfpt.errors import StepFailed
from dfpt.training import checkpoint


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    state: dict[str, Any] = {"weights": {"a": torch.arange(3.0)}, "progress": {"epoch": 2, "history": [{"loss": 0.1}]}}
    checkpoint.save(tmp_path / "new", state)
    found = checkpoint.load(tmp_path / "new")
    assert found is not None
    assert torch.equal(found["weights"]["a"], state["weights"]["a"])
    assert found["progress"] == state["progress"]


def test_where_nothing_was_begun_there_is_no_state(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path / "none") is None


@pytest.mark.parametrize("kept", [0, 10, 300, -1])
def test_a_truncated_checkpoint_is_named_with_the_way_out(tmp_path: Path, kept: int) -> None:
    checkpoint.save(tmp_path, {"weights": {"a": torch.arange(300.0)}})
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(StepFailed) as failed:
        checkpoint.load(tmp_path)
    assert str(path) in failed.value.message
    assert failed.value.remedy == f"Remove {tmp_path} to start again."


class Payload:
    """Unpickling it writes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_a_checkpoint_that_carries_code_is_refused_and_not_executed(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "state", {"weights": Payload(tmp_path / "executed")})
    with pytest.raises(StepFailed, match="cannot be read"):
        checkpoint.load(tmp_path / "state")
    assert not (tmp_path / "executed").exists()


def test_a_failed_save_leaves_the_state_before_it(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, {"epoch": 1})
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save(tmp_path, {"epoch": lambda: 2})
    assert checkpoint.load(tmp_path) == {"epoch": 1}
    assert len(list(tmp_path.iterdir())) == 1
