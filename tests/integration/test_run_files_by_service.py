"""``dfpt run`` with a token of the approvals service: the whole pipeline, its exit codes, no registry of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dfpt.approvals.client import Client
from tests.unit.steps.test_filing import Service
from tests.unit.steps.test_filing import service as service  # the fixture

pytest_plugins = ("tests.mlflow_home", "tests.unit.registry.databases")


def run(home: Path, code: int) -> Any:
    """What ``dfpt run --json`` prints, or where it prints nothing its last words; it must end with ``code``."""
    command = [sys.executable, "-m", "dfpt.cli.main", "run", "--data", "digits", "--profile", "smoke", "--json"]
    done = subprocess.run([*command, "--home", str(home)], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_run_waits_for_a_person_and_is_in_production_after_the_approval(service: Service, tmp_path: Path) -> None:
    home = tmp_path / "line-3"
    with service.running(), Client(service.url, service.token("bob")) as bob:
        first = run(home, 4)
        assert first["status"] == "pending"
        assert run(home, 4)["version"] == first["version"]
        (request,) = bob.requests(state="pending")
        assert (request["name"], request["requested_by"]) == ("digits", "pipeline")

        bob.approve("digits", first["version"], "looked at every miss")
        assert run(home, 0)["status"] == "promoted"
    assert "does not answer" in run(home, 1)  # the gate asks for the champion
    assert not [path for path in home.rglob("*") if path.name in ("registry.db", "audit-key.pem", "audit-head.json")]
