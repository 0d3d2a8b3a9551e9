"""Every test starts from the same surroundings, whatever the machine's owner has set."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.counts import counted, pytest_terminal_summary

__all__ = ["counted", "pytest_terminal_summary"]  # for every test

# Before torch or numpy is imported by any test: two workers on two cores, a thread each.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "1"
os.environ["MPLBACKEND"] = "agg"
# As from a terminal: what a shell starts in the background ignores Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the caller's shell reaches a test, and a test's state folder is its own.

    Subprocesses inherit both.
    """
    for variable in list(os.environ):
        if variable.startswith(("DFPT_", "MLFLOW_TRACKING", "MLFLOW_REGISTRY", "MLFLOW_RUN", "MLFLOW_EXPERIMENT")):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("DFPT_HOME", str(tmp_path / "dfpt-home"))


@pytest.fixture
def root() -> Path:
    """The root of the clone."""
    return Path(__file__).parents[1]
