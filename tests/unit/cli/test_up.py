from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest

from dfpt.cli import up
from dfpt.errors import EXIT_FAILED, StepFailed, UsageError

pytest_plugins = "tests.mlflow_home"


@pytest.fixture
def listener() -> socket.socket:
    taken = socket.create_server((up.HOST, 0))
    yield taken
    taken.close()


def test_a_taken_port_is_named_with_the_way_out(home: Path, listener: socket.socket) -> None:
    port = listener.getsockname()[1]

    with pytest.raises(StepFailed, match=rf"Port {port} .* is taken.\n.*--port {port + 1}") as caught:
        up.command(port=port, home=home)

    assert caught.value.exit_code == EXIT_FAILED


def test_a_port_that_was_left_a_moment_ago_is_free(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with socket.create_connection((up.HOST, port)):
        listener.accept()[0].close()  # closed from this side first: the port stays in TIME_WAIT
    listener.close()

    up.require_free(port, "--port")


def test_there_is_nothing_to_show_in_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no runs in"):
        up.command(port=5000, home=tmp_path / "absent")


def test_somebody_elses_server_is_pointed_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    from dfpt.tracking import models

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # as without the approvals extra
    monkeypatch.setattr(models, "last_makers", lambda client: ("7", ["aa", "bb"]))

    up.command(port=5000, home=home)

    said = capsys.readouterr().out
    assert "http://mlflow.example:5000/#/compare-runs?runs=" in said
    assert "pip install 'dfpt[approvals]'" in said
