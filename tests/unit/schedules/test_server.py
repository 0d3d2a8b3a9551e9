"""The bell that ends the scheduler, in a process of its own, whose signals it may keep."""

from __future__ import annotations

import subprocess
import sys

import pytest

_RUNG = """
import signal
from dfpt.schedules import server

bell = server._Bell()
signal.signal(signal.{name}, lambda number, frame: None)  # as if no handler of ours got to run before the wait
signal.raise_signal(signal.{name})
assert bell.wait(5) in server._END
assert bell.wait(0) == b""
bell.ring(server._LOST)
assert bell.wait(5) not in server._END
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_rings_without_a_handler(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", _RUNG.format(name=name)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
