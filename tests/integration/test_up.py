"""``dfpt up`` as a process: it answers, it says where to look, and Ctrl-C leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from dfpt import config
from dfpt.tracking import run, store

pytest_plugins = "tests.mlflow_home"

START = """
import sys; from pathlib import Path; from dfpt.cli import up
up.command(int(sys.argv[1]), int(sys.argv[2]), False, Path(sys.argv[3]))
"""


def test_it_shows_the_last_runs_models_until_ctrl_c(home: Path) -> None:
    place = store.tracking_uri(home), store.ensure(home, "elpv")
    settings = config.Config()
    with (
        run.parent_run("a run", settings, "digits", "d" * 64, *place, {}) as parent,
        run.step_run(parent.run_id, "distil", config.for_step(settings, "distil"), *place, {}) as student,
    ):
        pass
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        port, approvals = one.getsockname()[1], other.getsockname()[1]

    command = [sys.executable, "-u", "-c", START, str(port), str(approvals), str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(5)]
        for path in (f"{port}/health", f"{approvals}/health/ready"):
            with urllib.request.urlopen(f"http://127.0.0.1:{path}", timeout=10) as answer:
                assert answer.status == 200
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=30) == 0

    assert said[0] == f"MLflow: http://127.0.0.1:{port}\n"
    assert "compare-runs" in said[1]
    assert student.run_id in said[1]
    assert said[2] == f"Approvals: http://127.0.0.1:{approvals}\n"
    assert f"http://127.0.0.1:{approvals}/setup/" in said[3]
    assert said[4] == "Ctrl-C stops it.\n"
    for left in (port, approvals):  # nothing of it listens any more
        with socket.create_server(("127.0.0.1", left)):
            pass
